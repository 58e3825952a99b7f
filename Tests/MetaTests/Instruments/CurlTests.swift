import Meta
import Nets
import Tape
import TestSupport
import Testing

@Suite struct CurlTests {
  @Test(arguments: Method.families)
  func exactIsAGradientAndFirstOrderIsNot(_ family: Method) throws {
    var generator = SeededGenerator(seed: 60)
    let problems =
      try MetaGradientTests.problems(seed: 61, steps: 2)
      + UpdateRuleTests.problems(seed: 62, steps: 2)
    for problem in problems {
      let exact = problem.curlTest(family.exact, using: &generator)
      let first = problem.curlTest(family.firstOrder, using: &generator)
      #expect(exact.isComplete && first.isComplete)
      #expect(exact.curl < 1e-12, "\(exact)")
      #expect(first.curl > 1e-3, "\(first)")
      #expect(exact.jacobianNorm > 0.01)
    }
  }

  /// J by differences of the first-order field, which knows nothing of how the field came about.
  @Test func theJacobianIsThatOfTheField() throws {
    var generator = SeededGenerator(seed: 63)
    let problem = try randomProblem(
      LinearTwoLayer(inputs: 2, width: 2, outputs: 1), loss: .halfMeanSquaredError, steps: 2,
      using: &generator)
    func field(_ numbers: [Double], _ method: Method) throws -> [Double] {
      try MetaProblem(
        network: problem.network, loss: problem.loss,
        parameters: [
          Matrix(Shape(2, 2)) { numbers[2 * $0 + $1] },
          Matrix(Shape(2, 1)) { i, _ in numbers[4 + i] },
        ], steps: 2, learningRate: problem.learningRate, tasks: problem.tasks
      ).metaGradient(method).gradient.flattened
    }
    let start = problem.parameters.flattened
    for method in [Method.maml, .firstOrderMAML, .anil, .firstOrderANIL] {
      let width = 1e-3
      let columns = try start.indices.map { index in
        func moved(_ by: Double) throws -> [Double] {
          var numbers = start
          numbers[index] += by * width
          return try field(numbers, method)
        }
        let (far, near) = (zip(try moved(2), try moved(-2)), zip(try moved(1), try moved(-1)))
        return zip(far, near).map { (8 * ($1.0 - $1.1) - ($0.0 - $0.1)) / (12 * width) }
      }
      var (size, asymmetry) = (0.0, 0.0)
      for row in start.indices {
        for column in start.indices {
          size += columns[column][row] * columns[column][row]
          let odd = columns[column][row] - columns[row][column]
          asymmetry += odd * odd
        }
      }
      let test = problem.curlTest(method, using: &generator)
      #expect(abs(test.jacobianNorm / size.squareRoot() - 1) < 1e-8, "\(method)")
      #expect(abs(test.asymmetry - asymmetry.squareRoot()) < 1e-8 * size.squareRoot(), "\(method)")
    }
  }

  @Test func fewDirectionsEstimateTheSame() throws {
    var generator = SeededGenerator(seed: 64)
    let problem = try randomProblem(
      ReLUNetwork(sizes: [2, 6, 1]), loss: .meanSquaredError, steps: 1, using: &generator)
    let whole = problem.curlTest(.firstOrderMAML, using: &generator)
    let part = problem.curlTest(.firstOrderMAML, directions: 20, using: &generator)
    #expect(whole.isComplete && !part.isComplete)
    #expect(part.directions == 20)
    #expect(abs(part.curl / whole.curl - 1) < 0.3)
    #expect(abs(part.jacobianNorm / whole.jacobianNorm - 1) < 0.3)
    for _ in 0..<20 {
      #expect(problem.curlTest(.firstOrderMAML, directions: 1, using: &generator).curl <= 2)
    }
    #expect(problem.curlTest(.maml, directions: 5, using: &generator).curl < 1e-12)
    #expect(problem.curlTest(.joint, using: &generator).curl < 1e-12)
  }
}
