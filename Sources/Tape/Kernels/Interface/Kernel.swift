// What Tape and the kernels say to each other. It is public for the optimiser, which puts nothing less into
// another module's code; the module is no product.

/// The loop that computes an operation.
public struct Kernel: Sendable {
  /// Runs it.
  public let run: @Sendable (KernelCall) -> Void

  /// A kernel that runs so.
  @inlinable @inline(__always)
  public init(_ run: @escaping @Sendable (KernelCall) -> Void) { self.run = run }
}

/// The loops that wide registers make faster: each set of kernels has all of them.
public enum Loop: Sendable {
  /// The first operand, broadcast.
  case copy
  /// Entry by entry; operands broadcast.
  case add, subtract, multiply, divide
  /// The product of two matrices, and what becomes of it.
  case product(transposed: Transposition, ending: ProductEnding = .asItIs)
  /// What ``Operation`` says of each.
  case sum, solve, gather, scatterAdd, relu, step, sqrt, select

  /// The numbers of scratch that a product of so many terms needs: as many rows of the widest panel.
  package static func productScratch(terms: Int) -> Int { 16 * terms }

  /// The numbers of scratch that the factors of an *n*×*n* matrix take, and a column beside them.
  package static func solveScratch(_ n: Int) -> Int { n * (n + 2) }
}

/// Which operand of a product is read as its transpose.
public enum Transposition: Sendable {
  /// Neither, or one of them.
  case none, first, second
}

/// What becomes of each entry of a product, with that of a third operand, perhaps a row that is repeated.
public enum ProductEnding: Sendable {
  /// Nothing.
  case asItIs
  /// The third operand plus the product times the scale.
  case added
  /// The same, and 0 where that is not positive.
  case addedAndRectified
  /// 0 where the third operand is not positive.
  case masked
}

/// One call of a kernel: where the result goes, up to three operands (unused ones repeat the last),
/// and room for what the kernel keeps while it runs.
///
/// Whoever makes a call owes that every operand holds as many numbers as its shape has and then
/// `Storage.slack` more that may be read though they mean nothing; that there is room for
/// `Recording.work(_:)` numbers of scratch; and that the result overlaps an operand either
/// not at all or exactly, and that only where `Call.overwritable` allows it.
public struct KernelCall {
  /// Where the result goes.
  public let result: UnsafeMutablePointer<Double>
  /// That of the result.
  public let shape: Extent
  /// What is read.
  public let a, b, c: Operand
  /// By which a product is multiplied before it is added to something.
  public let scale: Double
  /// Room for what the kernel keeps.
  public let scratch: UnsafeMutablePointer<Double>
  /// Of sums over rows that come in strips: whether they go on from what the result holds, and whether these
  /// are the last rows, after which a product is added to something.
  public let continues, isLast: Bool

  /// A call, by default of a whole matrix.
  @inlinable @inline(__always)
  public init(
    result: UnsafeMutablePointer<Double>, shape: Extent, a: Operand, b: Operand, c: Operand,
    scale: Double = 1, scratch: UnsafeMutablePointer<Double>, continues: Bool = false,
    isLast: Bool = true
  ) {
    (self.result, self.shape, self.scale, self.scratch) = (result, shape, scale, scratch)
    (self.a, self.b, self.c) = (a, b, c)
    (self.continues, self.isLast) = (continues, isLast)
  }
}

/// A matrix in memory, as a kernel reads it.
public struct Operand {
  /// Where it begins; its rows follow each other.
  public let base: UnsafePointer<Double>
  /// Its rows and columns.
  public let shape: Extent

  /// The matrix of this shape that begins at `base`.
  @inlinable @inline(__always)
  public init(base: UnsafePointer<Double>, shape: Extent) {
    (self.base, self.shape) = (base, shape)
  }
}

/// What a kernel knows of a shape.
public struct Extent: CustomStringConvertible {
  /// At least one each, which nobody checks here.
  public let rows, columns: Int

  /// So many rows and columns.
  @inlinable @inline(__always)
  public init(_ rows: Int, _ columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// The extent as text, for instance `3×4`.
  public var description: String { "\(rows)×\(columns)" }
}
