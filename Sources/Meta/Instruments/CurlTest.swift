import Nets
import Tape

/// Whether an update field is a gradient: how far its Jacobian is from symmetric.
///
/// A field is the gradient of some function where, and only where, its Jacobian J equals Jᵀ. The exact
/// meta-gradient is one, of the meta-loss; the first-order field need not be the gradient of anything.
public struct CurlTest: Equatable, Sendable {
  /// What the meta-gradient is called that is the field.
  public let method: String
  /// What of it is differentiated.
  public let order: Order
  /// ‖J − Jᵀ‖ in the Frobenius norm.
  public let asymmetry: Double
  /// ‖J‖ in the Frobenius norm.
  public let jacobianNorm: Double
  /// How many directions were tried.
  public let directions: Int
  /// Whether they were all the coordinates, so that the norms are no estimates.
  public let isComplete: Bool
  /// The learned variables of which the order says nothing, so that the field has zeros there.
  public let notSeen: [String]

  /// ‖J − Jᵀ‖ / ‖J‖, zero for a gradient, at most 2; zero where J is zero, NaN where it is not finite.
  public var curl: Double { jacobianNorm == 0 ? 0 : asymmetry / jacobianNorm }

  /// Whether the field is a gradient, to rounding.
  public var isGradient: Bool { curl < 1e-12 }
}

extension CurlTest: CustomStringConvertible {
  /// The norms, how they came about, and what follows, as the command `curl` prints it.
  public var description: String { Self.text([self]) }

  /// Several tests as a table, with what follows from them.
  package static func text(_ tests: [CurlTest]) -> String {
    var table = TextTable(
      header: ["method", "order", "‖J − Jᵀ‖", "‖J‖", "curl"], leftAligned: [0, 1])
    for test in tests {
      table.rows.append([
        test.method, test.order.description, test.asymmetry.significant(3),
        test.jacobianNorm.significant(4), test.curl.significant(3),
      ])
    }
    return """
      \(table.text)
        Curl is ‖J − Jᵀ‖ / ‖J‖, zero for the gradient of a function; \(how(tests)).

      \(verdict(tests))
      \(tests.filter { !$0.notSeen.isEmpty }.map {
        "Of \($0.notSeen.list) \($0.method) says nothing: its field has zeros there.\n"
      }.joined())
      """
  }

  /// Which fields are gradients, to rounding, and which are not.
  package static func verdict(_ tests: [CurlTest]) -> String {
    let gradients = tests.filter(\.isGradient).map(\.method)
    let others = tests.filter { !$0.isGradient }
    if others.isEmpty { return "Every field is a gradient here, to rounding." }
    let rest =
      others.map { "\($0.method) does not (\($0.curl.significant(2)))" }.joined(separator: "; ")
      + ": no loss is what it descends."
    return gradients.isEmpty
      ? "To rounding, \(rest)" : "To rounding, \(gradients.list) follow a gradient. \(rest)"
  }

  /// How the norms came about, in words.
  package static func how(_ tests: [CurlTest]) -> String {
    let count = tests.map(\.directions).max() ?? 0
    return tests.allSatisfy(\.isComplete)
      ? "J in full, by \("direction".counted(count))"
      : "norms estimated along \("random direction".counted(count))"
  }
}

extension CurlTest: Encodable {
  /// Writes the figures and the curl.
  public func encode(to encoder: any Encoder) throws {
    var object: JSONObject = [
      "method": method, "order": order, "asymmetry": asymmetry, "jacobianNorm": jacobianNorm,
      "curl": curl, "directions": directions, "isComplete": isComplete,
    ]
    if !notSeen.isEmpty { object["notSeen"] = notSeen }
    try object.encode(to: encoder)
  }
}

extension BilevelProblem {
  /// Measures the curl of a meta-gradient, as a field over what is learned, at the present values.
  ///
  /// Products with J and Jᵀ are recorded on the tape. The field is recorded without `stopGradient`: the
  /// Jacobian of the first-order field needs the derivative of the adapted parameters in full, and a
  /// sweep that stops there would call every field symmetric.
  ///
  /// - Parameters:
  ///   - order: What is differentiated in the field.
  ///   - directions: The most directions that are tried. With at least as many as there are numbers
  ///     in what is learned, J is known in full; with fewer, the norms are estimated along random signs.
  ///   - generator: Where random signs come from.
  /// - Complexity: For each direction, a few exact meta-gradients.
  /// - Reference: Hutchinson, *A stochastic estimator of the trace of the influence matrix* (1990).
  public func curlTest(
    order: Order = .exact, directions: Int = 256,
    using generator: inout some RandomNumberGenerator
  ) -> CurlTest {
    if directions < 1 { stop("curlTest: directions is at least 1, but is \(directions)") }
    let shapes = learnedDescriptions.map(\.shape)
    if shapes.isEmpty {
      // A field without a component, as by rates of entries where nothing adapts.
      return CurlTest(
        method: Differentiation(self, order).label, order: order, asymmetry: 0, jacobianNorm: 0,
        directions: 0, isComplete: true, notSeen: [])
    }
    let programs = TaskPrograms(self) { loop in
      let point = loop.variables
      let along = point.map { loop.on.tape.input(Matrix($0.shape, repeating: 0)) }
      let field = loop.metaGradient(order)
      return (
        jacobianVectorProduct(of: field, wrt: point, along: along)
          + pullback(of: field, at: along, wrt: point),
        along
      )
    }
    let count = shapes.reduce(0) { $0 + $1.count }
    let isComplete = directions >= count
    var (asymmetries, sizes): ([Double], [Double]) = ([], [])
    for direction in 0..<min(directions, count) {
      var entry = -1
      let along = shapes.map { shape in
        Matrix(shape) { _, _ in
          entry += 1
          return isComplete
            ? (entry == direction ? 1 : 0) : (Bool.random(using: &generator) ? 1 : -1)
        }
      }
      let products = programs.mean(along).map(\.elements)
      let forward = products[..<shapes.count].flatMap(\.self)
      let backward = products[shapes.count...].flatMap(\.self)
      // Jz and Jᵀz are equally long on the average; both together bound the difference.
      sizes.append(norm(forward + backward))
      asymmetries.append(norm(zip(forward, backward).map { $0 - $1 }))
    }
    let scale = isComplete ? 1 : (1 / Double(min(directions, count))).squareRoot()
    return CurlTest(
      method: Differentiation(self, order).label, order: order,
      asymmetry: scale * norm(asymmetries),
      jacobianNorm: scale * norm(sizes) / 2.0.squareRoot(), directions: min(directions, count),
      isComplete: isComplete, notSeen: MetaGradientEvaluator(self, order: order).notSeen)
  }
}
