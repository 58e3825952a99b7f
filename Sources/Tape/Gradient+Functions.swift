// Derivatives of functions: each records the function, or uses what is recorded, and asks for
// gradients of it. There is no second set of rules for forward mode: a Jacobian-vector product is
// the pullback of the pullback.

// MARK: - On a tape

/// The Jacobian-vector product: how `results` change as `variables` move along `directions`.
///
/// The pullback is linear in its upstream `u`, so differentiating ⟨pullback(u), direction⟩ with
/// respect to `u` gives the Jacobian times the direction. The first sweep is only read by the second
/// one where that needs it; a ``Program`` prunes the rest.
///
/// - Parameters:
///   - results: Variables of any shapes.
///   - variables: What is moved.
///   - directions: One per variable, of its shape.
/// - Returns: One product per result, of its shape.
/// - Precondition: Counts and shapes agree; all are on one tape. Anything else stops with a message.
/// - Reference: Christianson, *Automatic Hessians by reverse accumulation* (1992).
public func jacobianVectorProduct(
  of results: [Variable], wrt variables: [Variable], along directions: [Variable]
) -> [Variable] {
  if directions.map(\.shape) != variables.map(\.shape) {
    stop(
      "jacobianVectorProduct(of:wrt:along:): variables are \(variables.map(\.shape)), "
        + "but directions are \(directions.map(\.shape))")
  }
  // Their value does not matter: the pullback is linear in them, and only its slope is used.
  let upstreams = results.map { $0.tape.input(Matrix($0.shape, repeating: 0)) }
  let pulled = pullback(of: results, at: upstreams, wrt: variables)
  return pullback(of: pulled, at: directions, wrt: upstreams)
}

/// The Hessian of a scalar times a direction, forward over reverse, recorded on the same tape.
///
/// - Parameters:
///   - result: A 1×1 variable.
///   - variables: What is differentiated with respect to, twice.
///   - directions: One per variable, of its shape.
/// - Returns: One block of the product per variable, of its shape.
/// - Precondition: `result` is 1×1, counts and shapes agree; anything else stops with a message.
/// - Complexity: About 2.75 gradients for a two-layer network, once pruned.
/// - Reference: Pearlmutter, *Fast exact multiplication by the Hessian* (1994).
public func hessianVectorProduct(
  of result: Variable, wrt variables: [Variable], along directions: [Variable]
) -> [Variable] {
  jacobianVectorProduct(
    of: gradient(of: result, wrt: variables), wrt: variables, along: directions)
}

/// The gradient of a function at a variable of a tape, as further lines of that tape.
///
/// Only the dependence of `function` on its own argument counts: other variables that it captures,
/// `point` among them, are held fixed. Nested calls therefore never confuse one derivative with
/// another.
public func gradient(at point: Variable, of function: (Variable) -> Variable) -> Variable {
  // A line of its own: a derivative is with respect to a line, not to its value, so that what
  // `function` captures can be told from its argument.
  let argument = point.broadcast(to: point.shape)
  return gradient(of: function(argument), wrt: argument)
}

// MARK: - On matrices

/// The gradient of a scalar function of matrices.
///
/// - Parameters:
///   - points: The arguments.
///   - function: What to differentiate; it is called once, with variables on a new tape.
/// - Returns: One gradient per argument, of its shape.
/// - Precondition: `function` gives a 1×1 variable; anything else stops with a message.
public func gradient(
  at points: [Matrix], of function: ([Variable]) -> Variable
) -> [Matrix] {
  valueWithGradient(at: points, of: function).gradient
}

/// The gradient of a scalar function of one matrix.
///
/// - Precondition: `function` gives a 1×1 variable; anything else stops with a message.
public func gradient(at point: Matrix, of function: (Variable) -> Variable) -> Matrix {
  gradient(at: [point]) { function($0[0]) }[0]
}

/// The value of a scalar function of matrices, and its gradient.
///
/// - Precondition: `function` gives a 1×1 variable; anything else stops with a message.
public func valueWithGradient(
  at points: [Matrix], of function: ([Variable]) -> Variable
) -> (value: Double, gradient: [Matrix]) {
  let (variables, result) = recorded(function, points)
  let gradients = gradient(of: result, wrt: variables)
  return (result.scalar, gradients.map(\.value))
}

/// The value of a function of matrices, and the map from an upstream gradient to those of the arguments.
///
/// - Returns: The value, and a pullback that may be called any number of times with a matrix of the
///   value's shape; another shape stops with a message.
public func valueWithPullback(
  at points: [Matrix], of function: ([Variable]) -> Variable
) -> (value: Matrix, pullback: (Matrix) -> [Matrix]) {
  let (variables, result) = recorded(function, points)
  let (value, tape, end) = (result.value, result.tape, result.tape.mark)
  return (
    value,
    { upstream in
      defer { tape.truncate(to: end) }
      return pullback(of: [result], at: [tape.constant(upstream)], wrt: variables).map(\.value)
    }
  )
}

/// How a function of matrices changes as its arguments move along `directions`.
///
/// - Returns: The Jacobian-vector product, of the shape of the function's value.
/// - Precondition: One direction per argument, of its shape; anything else stops with a message.
public func jacobianVectorProduct(
  at points: [Matrix], along directions: [Matrix], of function: ([Variable]) -> Variable
) -> Matrix {
  let (variables, result) = recorded(function, points)
  let along = directions.map(result.tape.constant)
  let products = jacobianVectorProduct(of: [result], wrt: variables, along: along)
  return Program(inputs: [], outputs: products).run([])[0]  // without what only serves as a path
}

/// The Hessian of a scalar function of matrices, times a direction.
///
/// - Returns: One block of the product per argument, of its shape.
/// - Precondition: `function` gives a 1×1 variable; one direction per argument, of its shape.
///   Anything else stops with a message.
/// - Complexity: About 2.75 gradients for a two-layer network.
public func hessianVectorProduct(
  at points: [Matrix], along directions: [Matrix], of function: ([Variable]) -> Variable
) -> [Matrix] {
  let (variables, result) = recorded(function, points)
  let along = directions.map(result.tape.constant)
  let products = hessianVectorProduct(of: result, wrt: variables, along: along)
  return products.isEmpty ? [] : Program(inputs: [], outputs: products).run([])
}

private func recorded(
  _ function: ([Variable]) -> Variable, _ points: [Matrix]
) -> (variables: [Variable], result: Variable) {
  let tape = GradientTape()
  let variables = points.map { tape.input($0) }
  return (variables, function(variables))
}
