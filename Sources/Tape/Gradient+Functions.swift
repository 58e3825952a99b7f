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
/// - Shapes: One direction per variable, of its shape.
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
/// - Shapes: One direction per variable, of its shape.
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

/// The gradient of a scalar function of matrices: one per argument, of its shape.
///
/// The function is called once, with variables on a new tape. It gives a 1×1 variable; another shape stops with
/// a message, here and in what follows.
public func gradient(at points: [Matrix], of function: ([Variable]) -> Variable) -> [Matrix] {
  valueWithGradient(at: points, of: function).gradient
}

/// The gradient of a scalar function of one matrix; a result that is not 1×1 stops with a message.
public func gradient(at point: Matrix, of function: (Variable) -> Variable) -> Matrix {
  gradient(at: [point]) { function($0[0]) }[0]
}

/// The value of a scalar function of matrices, and its gradient, one per argument; a result that is not
/// 1×1 stops with a message.
public func valueWithGradient(
  at points: [Matrix], of function: ([Variable]) -> Variable
) -> (value: Double, gradient: [Matrix]) {
  let (variables, result) = recorded(function, points)
  let gradients = gradient(of: result, wrt: variables)
  return (result.scalar, gradients.map(\.value))
}

/// The value of a function of matrices, and the map from an upstream gradient to those of the arguments,
/// which may be called any number of times; an upstream of another shape than the value's stops.
public func valueWithPullback(
  at points: [Matrix], of function: ([Variable]) -> Variable
) -> (value: Matrix, pullback: (Matrix) -> [Matrix]) {
  let (variables, result) = recorded(function, points)
  let (value, tape, end) = (result.value, result.tape, result.tape.mark)
  func pulledBack(_ upstream: Matrix) -> [Matrix] {
    defer { tape.truncate(to: end) }
    return pullback(of: [result], at: [tape.constant(upstream)], wrt: variables).map(\.value)
  }
  return (value, pulledBack)
}

/// The Jacobian-vector product: how a function of matrices changes as its arguments move.
///
/// - Precondition: One direction per argument, of its shape; anything else stops with a message.
public func jacobianVectorProduct(
  at points: [Matrix], along directions: [Matrix], of function: ([Variable]) -> Variable
) -> Matrix {
  let (variables, result) = recorded(function, points)
  let along = directions.map(result.tape.constant)
  let products = jacobianVectorProduct(of: [result], wrt: variables, along: along)
  return Program(inputs: [], outputs: products).run([])[0]  // without what only serves as a path
}

/// The Hessian of a scalar function of matrices, times a direction: one block per argument, of its shape.
///
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
