import KernelInterface

extension Kernel {
  /// The entries of the first operand at the positions in the second, zero at −1.
  static let gather = Kernel { call in
    call.checkPositions("gather", in: call.a.shape)
    for i in 0..<call.shape.count {
      let position = integer(call.b.base[i])
      // Read even where it is not used: quicker than a branch that is hard to foresee.
      let entry = call.a.base[max(position, 0)]
      call.result[i] = position < 0 ? 0 : entry
    }
  }

  /// Zeros, plus each entry of the first operand at its position in the second, in their order.
  static let scatterAdd = Kernel { call in
    call.checkPositions("scatterAdd", in: call.shape)
    call.result.update(repeating: 0, count: call.shape.count)
    for i in 0..<call.b.shape.count {
      let position = integer(call.b.base[i])
      if position >= 0 { call.result[position] += call.a.base[i] }
    }
  }
}

extension KernelCall {
  /// Stops unless the second operand holds positions in a matrix of shape `target`, or −1.
  fileprivate func checkPositions(_ operation: StaticString, in target: Extent) {
    let (count, last) = (b.shape.count, Double(target.count - 1))
    // Eight at a time, and only where one is wrong a second time, one by one.
    var areRight = SIMDMask<SIMD8<Int64>>(repeating: true)
    var i = 0
    while i + 8 <= count {
      let index = SIMD8(b.base + i)
      let whole = (index + wholeNumbers) - wholeNumbers
      areRight .&= (whole .== index) .& (index .>= -1) .& (index .<= last)
      i += 8
    }
    if !all(areRight) { i = 0 }
    func isRight(_ index: Double) -> Bool {
      index >= -1 && index <= last && index.rounded(.down) == index
    }
    while i < count, isRight(b.base[i]) { i += 1 }
    if i < count { stop(operation, atPosition: i, in: target) }
  }
}

/// Where doubles are as far apart as whole numbers: of what is added, the last bits are the whole number.
private let wholeNumbers = 0x1.8p52

/// A whole number that was checked, as an integer: quicker than a conversion that checks it again.
@inline(__always)
private func integer(_ index: Double) -> Int {
  Int(truncatingIfNeeded: (index + wholeNumbers).bitPattern &- wholeNumbers.bitPattern)
}
