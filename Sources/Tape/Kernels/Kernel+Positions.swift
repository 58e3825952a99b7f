extension Kernel {
  /// The entries of the first operand at the positions in the second, zero at −1.
  static let gather = Kernel { call in
    let (entries, result) = (call.a.base, call.result)
    var i = 0
    while let index = call.eightPositions(i, in: call.a.shape) {
      let whole = unsafeBitCast(index + wholeNumbers, to: SIMD8<Int64>.self)
      let positions = whole &- SIMD8(repeating: Int64(bitPattern: wholeNumbers.bitPattern))
      // Read even where it is not used: quicker than a branch that is hard to foresee.
      let read: SIMD8<Int64> = pointwiseMax(positions, SIMD8(repeating: 0))
      func entry(_ lane: Int) -> Double { entries[Int(read[lane])] }
      let gathered = SIMD8<Double>(
        entry(0), entry(1), entry(2), entry(3), entry(4), entry(5), entry(6), entry(7))
      gathered.replacing(with: 0, where: index .< 0).store(result + i, 8)
      i += 8
    }
    while i < call.b.shape.count {
      let position = call.position(i, .gather, in: call.a.shape)
      result[i] = position < 0 ? 0 : entries[position]
      i += 1
    }
  }

  /// Zeros, plus each entry of the first operand at its position in the second, in their order.
  static let scatterAdd = Kernel { call in
    call.result.update(repeating: 0, count: call.shape.count)
    for i in 0..<call.b.shape.count {
      let position = call.position(i, .scatterAdd, in: call.shape)
      if position >= 0 { call.result[position] += call.a.base[i] }
    }
  }
}

extension KernelCall {
  /// The eight positions from `start` on; nil where fewer are left or one is not in `target`.
  @inline(__always)
  fileprivate func eightPositions(_ start: Int, in target: Shape) -> SIMD8<Double>? {
    if start + 8 > b.shape.count { return nil }
    let index = SIMD8(b.base + start)
    let whole = (index + wholeNumbers) - wholeNumbers
    let isRight = (whole .== index) .& (index .>= -1) .& (index .<= Double(target.count - 1))
    return all(isRight) ? index : nil
  }

  /// The position at `i`, −1 or one in `target`; anything else stops.
  @inline(__always)
  fileprivate func position(_ i: Int, _ operation: Operation, in target: Shape) -> Int {
    let index = b.base[i]
    if index >= -1, index <= Double(target.count - 1), (index + wholeNumbers) - wholeNumbers == index {
      return Int(truncatingIfNeeded: (index + wholeNumbers).bitPattern &- wholeNumbers.bitPattern)
    }
    stop(
      "\(operation): index \(index) at [\(i / b.shape.columns), \(i % b.shape.columns)] is not a "
        + "position in \(target): a whole number from -1 to \(target.count - 1)")
  }
}

/// Where doubles are as far apart as whole numbers: of what is added, the last bits are the whole number,
/// which is quicker than a conversion.
private let wholeNumbers = 0x1.8p52
