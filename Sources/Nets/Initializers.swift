public import Tape

extension Matrix {
  /// A matrix of independent normal entries of mean zero.
  ///
  /// - Parameter deviation: Their standard deviation.
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
    var columns: [[Double]] = []
    while columns.count < shape.columns {
      var column = (0..<shape.rows).map { _ in generator.nextGaussian() }
      for _ in 0..<2 {
        for earlier in columns {
          let overlap = dot(earlier, column)
          for row in column.indices { column[row] -= overlap * earlier[row] }
        }
      }
      let length = dot(column, column).squareRoot()
      columns.append(column.map { $0 / length })
    }
    return Matrix(shape) { columns[$1][$0] }
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

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}
