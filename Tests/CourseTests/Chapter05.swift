import Meta
import Nets
import Studies
import Tape

/// The blocks of `docs/course/05-anil.md`.
func chapter05(_ print: (Any) -> Void) throws {
  // begin
  let one = { (x: Double, y: Double) in LabelledPoints(inputs: Matrix(x), targets: Matrix(y)) }
  let small = try MetaProblem(
    network: LinearTwoLayer(inputs: 1, width: 1, outputs: 1), loss: .halfMeanSquaredError,
    parameters: [Matrix(1), Matrix(2)], steps: 1, learningRate: 0.25,
    tasks: [LearningTask(support: one(1, 1), query: one(2, 1))])
  for method in [Method.anil, .firstOrderANIL] {
    let gradient = small.metaGradient(method).gradient
    print("\(method.rawValue): B \(gradient[0]), W \(gradient[1])")
  }
  print(small.program(.anil).listing(markingWhatIsMissingIn: small.program(.firstOrderANIL)))
  // end

  // begin
  let tape = GradientTape()
  let start = small.parameters.recorded(on: tape)
  let rate = tape.input(Matrix(0.25), named: "α")
  let loop = InnerLoop(adapting: .head, steps: 1, order: .exact)
  let adapted = loop.adapt(start, rate: rate) { parameters in
    let residual = parameters[0] * parameters[1] - 1
    return 0.5 * (residual * residual)
  }
  let queryResidual = 2 * adapted[0] * adapted[1] - 1
  let slopes = gradient(of: 0.5 * (queryResidual * queryResidual), wrt: start.values)
  print(adapted)
  print(slopes.map(\.scalar))
  print(start.descriptions.map { "\($0.name) is \($0.role)" })
  // end

  // begin
  func wanting(_ target: [Double]) -> LearningTask {
    let points = LabelledPoints(
      inputs: Matrix(Shape(4, 4)) { $0 == $1 ? 2 : 0 },
      targets: Matrix(Shape(4, 1)) { row, _ in 2 * target[row] })
    return LearningTask(support: points, query: points)
  }
  let body = try Matrix([[0.5, 0.5], [0.5, -0.5], [0.5, 0.5], [0.5, -0.5]])
  func regressions(rate: Double, head: [Double] = [0, 0]) throws -> MetaProblem {
    try MetaProblem(
      network: LinearTwoLayer(inputs: 4, width: 2, outputs: 1), loss: .halfMeanSquaredError,
      parameters: [body, Matrix(Shape(2, 1)) { row, _ in head[row] }], steps: 1,
      learningRate: rate, tasks: [wanting([1, 0, 0, 0]), wanting([0, 1, 0, 0])])
  }
  let problem = try regressions(rate: 1)
  print("first-order ANIL: B \(problem.metaGradient(.firstOrderANIL).gradient[0])")
  print("exact ANIL: B \(problem.metaGradient(.anil).gradient[0])")
  print("joint: B \(problem.metaGradient(.joint).gradient[0])")
  // end

  // begin
  func rounded(_ number: Double?, _ places: Double = 1000) -> Double {
    ((number ?? 0) * places).rounded() / places
  }
  for (rate, head) in [(1, [0, 0]), (1, [2, 1]), (0.25, [0, 0]), (0.25, [2.0, 1])] {
    let setting = try regressions(rate: rate, head: head)
    let gap = setting.comparison(.anil).gap
    let terms = setting.ledger(.anil).entries.map { rounded($0.norm) }
    print("rate \(rate), w \(head): angle \(rounded(gap.angle)), terms \(terms)")
  }
  print("MAML: angle \(rounded(problem.comparison(.maml).gap.angle))")
  // end

  // begin
  var study = RepresentationStudy()
  study.steps = 400
  study.records = 4
  for method in [Method.joint, .firstOrderANIL, .anil] {
    let curve = try study.run(method, seed: 1)
    print("\(method.rawValue): \(curve.distance.map { rounded($0) })")
    let cosines = curve.cosine.compactMap(\.self)
    if !cosines.isEmpty { print("   cosines \(cosines.map { rounded($0) })") }
  }
  // end

  // begin
  for row in small.program(.firstOrderANIL).listing.split(separator: "\n") where row.contains("→") {
    print(row)
  }
  // end

  // begin
  let alone = try MetaProblem(
    network: problem.network, loss: problem.loss, parameters: problem.parameters.values, steps: 1,
    learningRate: 1, tasks: [problem.tasks[0]])
  print(alone.metaGradient(.firstOrderANIL).gradient[0])
  // end

  // begin
  let slow = try regressions(rate: 0.25)
  for method in [Method.firstOrderANIL, .anil] {
    print("\(method.rawValue): \(slow.metaGradient(method).gradient[0].map { 128 * $0 })")
  }
  // end

  // begin
  for samples in [nil, (inner: 10, outer: 10), (inner: 100, outer: 100)] {
    var first = RepresentationStudy()
    first.steps = 0
    first.samples = samples
    let cosine = try first.run(.anil, seed: 1).cosine[0]
    let name = samples.map { "\($0.inner) points" } ?? "population"
    print("\(name): cosine \(rounded(cosine, 100))")
  }
  // end
}
