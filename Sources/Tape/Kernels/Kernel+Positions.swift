extension Kernel {
  /// The entries of the first operand at the positions in the second, zero at −1.
  static let gather = Kernel { call in
    call.forEachPosition(.gather, in: call.a.shape) { i, position in
      call.result[i] = position < 0 ? 0 : call.a.base[position]
    }
  }

  /// Zeros, plus each entry of the first operand at its position in the second, in their order.
  static let scatterAdd = Kernel { call in
    call.result.update(repeating: 0, count: call.shape.count)
    call.forEachPosition(.scatterAdd, in: call.shape) { i, position in
      if position >= 0 { call.result[position] += call.a.base[i] }
    }
  }
}

extension KernelCall {
  /// Walks the second operand, whose entries are positions in a matrix of shape `target`, or −1.
  @inline(__always)
  fileprivate func forEachPosition(
    _ operation: Operation, in target: Shape, _ body: (_ entry: Int, _ position: Int) -> Void
  ) {
    let count = Double(target.count)
    for i in 0..<b.shape.count {
      let index = b.base[i]
      guard index >= -1, index < count, index.rounded(.down) == index else {
        stop(
          "\(operation): index \(index) at [\(i / b.shape.columns), \(i % b.shape.columns)] is not a "
            + "position in \(target): a whole number from -1 to \(target.count - 1)")
      }
      body(i, Int(index))
    }
  }
}
