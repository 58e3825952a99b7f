public import Tape

/// A function of inputs and parameters, written in operations of the tape.
///
/// Bring a network of your own by conforming to this: say what its parameters are, and record the
/// forward pass. Derivatives of every order, replay and meta-gradients follow.
public protocol Network: Sendable {
  /// The parameters in their order, with the body's and the head's told apart.
  var parameters: [ParameterDescription] { get }

  /// The number of columns of the inputs.
  var inputWidth: Int { get }

  /// The number of columns of the outputs.
  var outputWidth: Int { get }

  /// Records the outputs for a batch.
  ///
  /// - Parameters:
  ///   - inputs: One point a row, ``inputWidth`` columns.
  ///   - parameters: One variable per description, of its shape.
  /// - Returns: One output a row, ``outputWidth`` columns.
  /// - Precondition: Shapes fit; otherwise the operation that finds it stops with a message.
  func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable

  /// Draws parameters to begin with.
  ///
  /// By default weights are normal, of standard deviation `gain / √rows`, and biases are zero.
  ///
  /// - Parameters:
  ///   - gain: √2 keeps the size of signals through layers of ReLUs (He et al., *Delving deep into
  ///     rectifiers*, 2015), 1 through linear ones; smaller suits large inputs.
  ///   - generator: Where the weights come from.
  func initialParameters(
    gain: Double, using generator: inout some RandomNumberGenerator
  ) -> Parameters<Matrix>
}

extension Network {
  /// Draws normal weights of standard deviation `gain / √rows`, and biases of zero.
  public func initialParameters(
    gain: Double, using generator: inout some RandomNumberGenerator
  ) -> Parameters<Matrix> {
    Parameters(
      parameters,
      parameters.map {
        $0.kind == .bias
          ? Matrix($0.shape, repeating: 0)
          : .gaussian(
            $0.shape, deviation: gain / Double($0.shape.rows).squareRoot(), using: &generator)
      })
  }

  /// Draws parameters to begin with, with a gain of √2.
  public func initialParameters(
    using generator: inout some RandomNumberGenerator
  ) -> Parameters<Matrix> {
    initialParameters(gain: 2.0.squareRoot(), using: &generator)
  }
}

/// The linear network of two layers, `f(x) = x · B · W`.
///
/// Its body is the representation `B` (inputs × width), its head `W` (width × outputs).
public struct LinearTwoLayer: Network, Equatable, CustomStringConvertible {
  /// The number of columns of the inputs.
  public let inputWidth: Int
  /// The number of columns of the representation.
  public let width: Int
  /// The number of columns of the outputs.
  public let outputWidth: Int

  /// Creates a network of the given sizes.
  ///
  /// - Precondition: Each is at least one; anything else stops with a message.
  public init(inputs: Int, width: Int, outputs: Int) {
    if min(inputs, width, outputs) < 1 {
      stop("LinearTwoLayer: sizes are at least 1, but are \(inputs), \(width) and \(outputs)")
    }
    (inputWidth, self.width, outputWidth) = (inputs, width, outputs)
  }

  /// The network in short, for instance `linear network 20-3-1`.
  public var description: String { "linear network \(inputWidth)-\(width)-\(outputWidth)" }

  /// `B`, then `W`.
  public var parameters: [ParameterDescription] {
    [
      ParameterDescription(name: "B", shape: Shape(inputWidth, width), role: .body),
      ParameterDescription(name: "W", shape: Shape(width, outputWidth), role: .head),
    ]
  }

  /// Records `inputs · B · W`, in the order that multiplies less: with many points and few outputs,
  /// `B · W` comes first.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    let points = inputs.shape.rows
    let leftFirst = points * width * (inputWidth + outputWidth)
    let rightFirst = inputWidth * outputWidth * (width + points)
    return rightFirst < leftFirst
      ? inputs.matmul(parameters[0].matmul(parameters[1]))
      : inputs.matmul(parameters[0]).matmul(parameters[1])
  }
}

/// Linear regression, `f(x) = x · w`; its only parameter is the head.
public struct LinearModel: Network, Equatable, CustomStringConvertible {
  /// The number of columns of the inputs.
  public let inputWidth: Int
  /// One.
  public var outputWidth: Int { 1 }

  /// Creates a model on so many inputs.
  ///
  /// - Precondition: At least one; anything else stops with a message.
  public init(inputs: Int) {
    if inputs < 1 { stop("LinearModel: inputs is at least 1, but is \(inputs)") }
    inputWidth = inputs
  }

  /// The model in short, for instance `linear model 3-1`.
  public var description: String { "linear model \(inputWidth)-1" }

  /// `w`, a column.
  public var parameters: [ParameterDescription] {
    [ParameterDescription(name: "w", shape: Shape(inputWidth, 1), role: .head)]
  }

  /// Records `inputs · w`.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    inputs.matmul(parameters[0])
  }
}

/// A fully connected network with rectified linear units between its layers, and none after the last.
///
/// Layer *i* has weights `Wi` (inputs × outputs) and a bias row `bi`. The head is the last layer.
public struct ReLUNetwork: Network, Equatable, CustomStringConvertible {
  /// The number of columns of the inputs, of each hidden layer, and of the outputs.
  public let sizes: [Int]

  /// Creates a network of the given sizes.
  ///
  /// - Precondition: At least two sizes, each at least one; anything else stops with a message.
  public init(sizes: [Int]) {
    if sizes.count < 2 || sizes.contains(where: { $0 < 1 }) {
      stop("ReLUNetwork: at least two sizes, each at least 1, but they are \(sizes)")
    }
    self.sizes = sizes
  }

  /// The network in short, for instance `ReLU network 1-40-40-1`.
  public var description: String {
    "ReLU network " + sizes.map(\.description).joined(separator: "-")
  }

  /// The number of columns of the inputs.
  public var inputWidth: Int { sizes[0] }

  /// The number of columns of the outputs.
  public var outputWidth: Int { sizes[sizes.count - 1] }

  /// Weights and bias of each layer in turn: `W1`, `b1`, `W2`, `b2` and so on.
  public var parameters: [ParameterDescription] {
    (1..<sizes.count).flatMap { layer in
      [ParameterDescription].layer(
        "W\(layer)", bias: "b\(layer)", Shape(sizes[layer - 1], sizes[layer]),
        layer == sizes.count - 1 ? .head : .body)
    }
  }

  /// Records the layers one after the other.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    var values = inputs
    for layer in 1..<sizes.count {
      values = values.matmul(parameters[2 * layer - 2]) + parameters[2 * layer - 1]
      if layer < sizes.count - 1 { values = values.relu() }
    }
    return values
  }
}
