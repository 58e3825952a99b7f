public import Tape

extension Matrix {
  /// A matrix of independent normal entries of mean zero.
  ///
  /// - Parameters:
  ///   - shape: The rows and columns.
  ///   - deviation: The standard deviation of the entries.
  ///   - generator: Where the entries come from.
  public static func gaussian(
    _ shape: Shape, deviation: Double = 1, using generator: inout some RandomNumberGenerator
  ) -> Matrix {
    Matrix(shape) { _, _ in deviation * generator.nextGaussian() }
  }

  /// A matrix with orthonormal columns, evenly distributed over all of them (or rows, if it is wide).
  ///
  /// - Complexity: O(*mn* min(*m*, *n*)).
  /// - Reference: Gram and Schmidt's orthogonalisation of a Gaussian matrix, each column twice, as
  ///   in Giraud et al., *The loss of orthogonality in the Gram–Schmidt process* (2005).
  public static func orthonormal(
    _ shape: Shape, using generator: inout some RandomNumberGenerator
  ) -> Matrix {
    if shape.columns > shape.rows {
      let tall = orthonormal(shape.transposed, using: &generator)
      return Matrix(shape) { tall[$1, $0] }
    }
    let columns = (0..<shape.columns).map { _ in
      (0..<shape.rows).map { _ in generator.nextGaussian() }
    }
    let gaussian = Matrix(shape) { columns[$1][$0] }
    // Dependent columns are drawn once in an eternity.
    return gaussian.orthonormalized ?? orthonormal(shape, using: &generator)
  }

  /// Weights for a layer whose inputs passed a ReLU: normal, of variance two over the inputs.
  ///
  /// - Shapes: Inputs × outputs.
  /// - Reference: He et al., *Delving deep into rectifiers* (2015).
  public static func he(
    _ shape: Shape, using generator: inout some RandomNumberGenerator
  ) -> Matrix {
    gaussian(shape, deviation: (2 / Double(shape.rows)).squareRoot(), using: &generator)
  }
}
