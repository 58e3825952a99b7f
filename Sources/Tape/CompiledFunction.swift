/// A scalar function of matrices, compiled with its gradient and, if asked for, its Hessian.
///
/// It is recorded once, and can then be called at any matrices of the same shapes, from any thread.
///
/// ```swift
/// let length = CompiledFunction(of: [Shape(1, 2)]) { ($0[0] * $0[0]).sum().sqrt() }
/// let (value, gradient) = length.valueWithGradient(at: [try Matrix([[3, 4]])])
/// ```
public struct CompiledFunction: Sendable {
  /// The program of the value alone.
  public let value: Program
  /// The program of the value and then of the gradient, a block per argument.
  public let valueWithGradient: Program
  /// The program of the Hessian times a direction, whose inputs are the arguments and then the
  /// direction; nil if it was not asked for.
  public let hessianVectorProduct: Program?

  /// Compiles a function of matrices of the given shapes.
  ///
  /// - Parameters:
  ///   - shapes: Those of the arguments, at least one.
  ///   - withHessian: Whether Hessian-vector products will be asked for.
  ///   - function: Called once, with variables whose values are zeros: what it decides in Swift is
  ///     frozen. It gives a 1×1 variable; another shape stops with a message.
  /// - Complexity: O(lines); nothing is computed.
  public init(
    of shapes: [Shape], withHessian: Bool = false, _ function: ([Variable]) -> Variable
  ) {
    let tape = GradientTape()
    let variables = shapes.map { tape.input(Matrix($0, repeating: 0)) }
    let result = function(variables)
    let gradients = gradient(of: result, wrt: variables)
    value = Program(inputs: variables, outputs: [result])
    valueWithGradient = Program(inputs: variables, outputs: [result] + gradients)
    let directions = shapes.map { tape.input(Matrix($0, repeating: 0)) }
    hessianVectorProduct =
      withHessian
      ? Program(
        inputs: variables + directions,
        outputs: jacobianVectorProduct(of: gradients, wrt: variables, along: directions)) : nil
  }

  /// The value at `points`, one matrix per argument; another count or shape stops with a message.
  public func value(at points: [Matrix]) -> Double { value.run(points)[0].elements[0] }

  /// The value at `points`, and the gradient, a matrix per argument; another count or shape of points
  /// stops with a message.
  public func valueWithGradient(at points: [Matrix]) -> (value: Double, gradient: [Matrix]) {
    let outputs = valueWithGradient.run(points)
    return (outputs[0].elements[0], Array(outputs.dropFirst()))
  }

  /// The Hessian at `points` times a direction, a matrix per argument: about 2.75 gradients for a network
  /// of two layers.
  ///
  /// - Precondition: The function was compiled `withHessian`; points and directions are one matrix per
  ///   argument, of its shape. Anything else stops with a message.
  public func hessianVectorProduct(at points: [Matrix], along directions: [Matrix]) -> [Matrix] {
    guard let program = hessianVectorProduct else {
      stop("hessianVectorProduct(at:along:): the function was compiled without its Hessian")
    }
    return program.run(points + directions)
  }
}
