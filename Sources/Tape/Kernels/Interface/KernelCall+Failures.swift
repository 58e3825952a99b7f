// Messages are made here: text takes functions of the standard library, of which no copy may be compiled for one
// kind of processor.

extension KernelCall {
  /// Stops because the number at `index` in the second operand is not a position in a matrix.
  package func stop(_ operation: StaticString, atPosition index: Int, in target: Extent) -> Never {
    let columns = b.shape.columns
    fatalError(
      "\(operation): index \(b.base[index]) at [\(index / columns), \(index % columns)] is not a "
        + "position in \(target): a whole number from -1 to \(target.rows * target.columns - 1)")
  }

  /// Stops because the first operand cannot be solved for.
  package func stop(reciprocalCondition: Double) -> Never {
    fatalError(
      "solve: the \(a.shape) matrix is singular or nearly so: its reciprocal condition is "
        + "\(reciprocalCondition)")
  }
}
