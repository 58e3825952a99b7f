import KernelInterface

/// One kernel call of a program: a line, or a matrix product together with what it goes into.
struct Call {
  /// The line whose value it leaves.
  let line: Int
  let kernel: Kernel
  let shapeRule: ShapeRule
  /// The lines that it reads.
  let operands: Operands
  /// The line of a number by which a product is multiplied before it is added.
  var scale: Int? = nil
  /// Which operands the result may be written over, where they have its shape.
  let overwritable: Range<Int>

  /// All lines that it reads, the scale last.
  var reads: [Int] { Array(operands) + [scale].compactMap(\.self) }
}

/// Turns the lines of a recording into as few kernel calls as give the same bits.
///
/// A product that is only added to something, perhaps after a multiplication by a number, becomes one
/// call with the sum: `θ + (−α) · (aᵀ · b)` then passes over θ once instead of three times. So does a rectifier of
/// such a sum, and on the way back the mask of a product. Each of the steps still rounds. And nothing is copied for
/// the sake of `stopGradient`.
struct Fusion {
  private let recording: Recording
  private let kernels: KernelSet
  private var lines: [Instruction] { recording.instructions }
  /// What each line reads, past every `stopGradient`.
  private var operands: [Operands] = []
  private var uses: [Int]
  private var isOutput: [Bool]

  init(_ recording: Recording, outputs: [Int], _ kernels: KernelSet) {
    self.recording = recording
    self.kernels = kernels
    let lines = recording.instructions
    uses = Array(repeating: 0, count: lines.count)
    isOutput = Array(repeating: false, count: lines.count)
    for output in outputs {
      uses[output] += 1
      isOutput[output] = true
    }
    for (index, line) in lines.enumerated() {
      let reads = Operands(
        line.operands.map { lines[$0].operation == .stopGradient ? operands[$0][0] : $0 })
      operands.append(reads)
      if isNeeded(index) { for operand in reads { uses[operand] += 1 } }
    }
  }

  /// Whether a line is more than another name for what it reads.
  private func isNeeded(_ index: Int) -> Bool {
    lines[index].operation != .stopGradient || isOutput[index]
  }

  /// The calls that compute the recording, in order.
  func calls(_ rules: [Rule]) -> [Call] {
    var calls: [Call] = []
    var isTakenIn = Array(repeating: false, count: lines.count)
    // Backwards, so that a sum comes before the product that it takes in.
    for (index, line) in lines.enumerated().reversed()
    where !line.isLeaf && !isTakenIn[index] && isNeeded(index) {
      if let (call, taken) = sumOfProduct(index) ?? rectifiedSum(index) ?? maskedProduct(index) {
        for line in taken { isTakenIn[line] = true }
        calls.append(call)
      } else {
        let isElementwise =
          if case .elementwise = line.operation.shapeRule { true } else { false }
        calls.append(
          Call(
            line: index, kernel: rules[Int(line.operation.rawValue)].kernel.kernel(kernels),
            shapeRule: line.operation.shapeRule, operands: operands[index],
            overwritable: isElementwise ? 0..<3 : 0..<0))
      }
    }
    return calls.reversed()
  }

  /// A sum and the lines that it takes in, if one of its terms is a product that nothing else reads.
  private func sumOfProduct(_ index: Int) -> (call: Call, taken: [Int])? {
    let line = lines[index]
    guard line.operation == .add else { return nil }
    // First the later term: what it reads need not live longer then.
    let (late, early) = (operands[index].max() ?? 0, operands[index].min() ?? 0)
    for (term, addend) in [(late, early), (early, late)] {
      let isRow = lines[addend].shape == Shape(1, line.shape.columns)
      guard lines[term].shape == line.shape, isRow || lines[addend].shape == line.shape
      else { continue }
      guard let (product, transposed, scale) = scaledProduct(term) else { continue }
      let factors = operands[product]
      let call = Call(
        line: index, kernel: kernels.kernel(.product(transposed: transposed, ending: .added)),
        shapeRule: .product(transposed: transposed),
        operands: Operands([factors[0], factors[1], addend]), scale: scale,
        overwritable: factors.contains(addend) ? 0..<0 : 2..<3)
      return (call, [term, product])
    }
    return nil
  }

  /// A rectifier and the lines that it takes in, if what it rectifies is a sum as above that nothing else reads.
  private func rectifiedSum(_ index: Int) -> (call: Call, taken: [Int])? {
    guard lines[index].operation == .relu, uses[operands[index][0]] == 1,
      let (sum, taken) = sumOfProduct(operands[index][0]),
      case .product(let transposed) = sum.shapeRule
    else { return nil }
    let call = Call(
      line: index,
      kernel: kernels.kernel(.product(transposed: transposed, ending: .addedAndRectified)),
      shapeRule: sum.shapeRule, operands: sum.operands, scale: sum.scale,
      overwritable: sum.overwritable)
    return (call, taken + [sum.line])
  }

  /// The mask of a product, zero where it does not hold, and the product, if nothing else reads that.
  private func maskedProduct(_ index: Int) -> (call: Call, taken: [Int])? {
    let line = lines[index]
    guard line.operation == .select else { return nil }
    let (mask, product, otherwise) = (operands[index][0], operands[index][1], operands[index][2])
    guard lines[mask].shape == line.shape, lines[product].shape == line.shape,
      uses[product] == 1, case .product(let transposed) = lines[product].operation.shapeRule,
      recording.scalarConstant(otherwise)?.bitPattern == 0
    else { return nil }
    let factors = operands[product]
    let call = Call(
      line: index, kernel: kernels.kernel(.product(transposed: transposed, ending: .masked)),
      shapeRule: .product(transposed: transposed),
      operands: Operands([factors[0], factors[1], mask]),
      overwritable: factors.contains(mask) ? 0..<0 : 2..<3)
    return (call, [product])
  }

  /// The product on a line, or the one that the line multiplies by a number, if nothing else reads it.
  private func scaledProduct(
    _ index: Int
  ) -> (line: Int, transposed: ShapeRule.Transposition, scale: Int?)? {
    if uses[index] > 1 { return nil }
    if case .product(let transposed) = lines[index].operation.shapeRule {
      return (index, transposed, nil)
    }
    guard lines[index].operation == .multiply else { return nil }
    for (scale, product) in [(0, 1), (1, 0)] {
      let (scale, product) = (operands[index][scale], operands[index][product])
      if lines[scale].shape == .scalar, let found = scaledProduct(product), found.scale == nil {
        return (product, found.transposed, scale)
      }
    }
    return nil
  }
}

extension Operation {
  fileprivate var shapeRule: ShapeRule { Operation.rules[Int(rawValue)].shape }
}
