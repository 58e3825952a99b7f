import Nets
import Tape
import TestSupport
import Testing

/// What positions are for: what dense selectors, matrices of zeros and ones, take many times as long for.
@Suite struct PositionSpeedTests {
  /// The shortest of several timings of two programs in turn, in seconds, so that load hits both.
  static func seconds(_ first: Program, _ second: Program) -> (Double, Double) {
    let workspaces = [Workspace(for: first), Workspace(for: second)]
    var best = [Double.infinity, .infinity]
    for _ in 0..<20 {
      for (index, workspace) in workspaces.enumerated() {
        let duration = ContinuousClock().measure { for _ in 0..<10 { workspace.run() } }
        best[index] = min(best[index], duration / .seconds(1) / 10)
      }
    }
    return (best[0], best[1])
  }

  @Test func aShiftOf1000NumbersTakesMicroseconds() {
    let count = 1000
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(1, count)) { _, column in Double(column) })
    let selector = Matrix(Shape(count, count)) { $0 + 1 == $1 ? 1 : 0 }
    let dense = x.matmul(tape.constant(selector))
    let shifted = x.gather(Matrix(x.shape) { _, column in Double(column - 1) })
    let (quick, slow) = Self.seconds(
      Program(inputs: [x], outputs: [shifted]), Program(inputs: [x], outputs: [dense]))
    #expect(shifted.value == dense.value)
    #expect(slow > 5 * quick, "\(slow / quick) times")
    #expect(quick < 1e-4)
  }

  /// Four 8×8 images, one a row, and two 3×3 filters: the loss of the convolution and its gradient by the
  /// images and the filters, recorded and computed.
  @Test func aConvolutionIsFiveTimesFasterThanByDenseSelectors() {
    var generator = SeededGenerator(seed: 9)
    let (size, count) = (8, 4)
    let values = randomMatrices([Shape(count, size * size), Shape(9, 2)], using: &generator)
    /// The pixel that the filters' entry `tap` reads for the result at `pixel`, −1 beyond the border.
    func source(_ pixel: Int, _ tap: Int) -> Int {
      let (row, column) = (pixel / size + tap / 3 - 1, pixel % size + tap % 3 - 1)
      return (0..<size).contains(row) && (0..<size).contains(column) ? row * size + column : -1
    }
    let patches = Matrix(Shape(count * size * size, 9)) { pixel, tap in
      let (image, pixel) = (pixel / (size * size), pixel % (size * size))
      let read = source(pixel, tap)
      return Double(read < 0 ? -1 : image * size * size + read)
    }
    let selectors = (0..<9).map { tap in
      Matrix(Shape(size * size, size * size)) { source($1, tap) == $0 ? 1 : 0 }
    }
    func quick(_ images: Variable, _ filters: Variable) -> Variable {
      images.gather(patches).matmul(filters).tanh().sum()
    }
    func slow(_ images: Variable, _ filters: Variable) -> Variable {
      let shifted = selectors.map { images.matmul(images.tape.constant($0)) }
      return (0..<2).map { filter in
        shifted.enumerated().map { tap, image in
          image * filters.block(rows: tap..<tap + 1, columns: filter..<filter + 1)
        }.reduce(images.tape.constant(0), +).tanh().sum()
      }.reduce(images.tape.constant(0), +)
    }
    var best = [Double.infinity, .infinity]
    var gradients: [[Matrix]] = [[], []]
    for _ in 0..<10 {
      for (index, loss) in [quick, slow].enumerated() {
        let duration = ContinuousClock().measure {
          gradients[index] = gradient(at: values) { loss($0[0], $0[1]) }
        }
        best[index] = min(best[index], duration / .seconds(1))
      }
    }
    #expect(relativeDistance(gradients[0], gradients[1]) < 1e-13)
    #expect(best[1] > 5 * best[0], "\(best[1] / best[0]) times")
  }

  /// Exact MAML over four tasks and three steps of a network that convolves 8×8 images with four 3×3
  /// filters, by positions and by dense selectors: the same gradient, in a fifth of the time.
  @Test func exactMAMLOfAConvolutionIsFiveTimesFasterThanByDenseSelectors() {
    var generator = SeededGenerator(seed: 10)
    let (size, images, filters) = (8, 4, 4)
    let pixels = size * size
    func source(_ pixel: Int, _ tap: Int) -> Int {
      let (row, column) = (pixel / size + tap / 3 - 1, pixel % size + tap % 3 - 1)
      return (0..<size).contains(row) && (0..<size).contains(column) ? row * size + column : -1
    }
    func quick(_ x: Variable, _ weights: [Variable]) -> Variable {
      let patches = Matrix(Shape(images * pixels, 9)) { row, tap in
        let read = source(row % pixels, tap)
        return Double(read < 0 ? -1 : row / pixels * pixels + read)
      }
      let maps = x.gather(patches).matmul(weights[0]).relu()
      return maps.reshaped(to: Shape(images, pixels * filters)).matmul(weights[1])
    }
    func slow(_ x: Variable, _ weights: [Variable]) -> Variable {
      func selector(_ shape: Shape, _ isOne: (Int, Int) -> Bool) -> Variable {
        x.tape.constant(Matrix(shape) { isOne($0, $1) ? 1 : 0 })
      }
      let shifted = (0..<9).map { tap in
        x.matmul(selector(Shape(pixels, pixels)) { source($1, tap) == $0 })
      }
      return (0..<filters).map { filter in
        let column = weights[0].matmul(selector(Shape(filters, 1)) { row, _ in row == filter })
        let map = shifted.enumerated().map { tap, image in
          image * selector(Shape(1, 9)) { $1 == tap }.matmul(column)
        }.reduce(x.tape.constant(0), +).relu()
        return map.matmul(
          selector(Shape(pixels, pixels * filters)) { $1 == $0 * filters + filter }
            .matmul(weights[1]))
      }.reduce(x.tape.constant(0), +)
    }
    let shapes = [Shape(9, filters), Shape(pixels * filters, 1)]
    let weights = randomMatrices(shapes, in: -0.5...0.5, using: &generator)
    let data = (0..<4).map { _ in
      randomMatrices(
        [Shape(images, pixels), Shape(images, 1), Shape(images, pixels), Shape(images, 1)],
        using: &generator)
    }
    let programs = [quick, slow].map { network in
      let tape = GradientTape()
      let start = weights.map { tape.input($0) }
      let tasks = data.map { $0.map { tape.input($0) } }
      let losses = tasks.map { task in
        func loss(_ weights: [Variable], _ x: Variable, _ y: Variable) -> Variable {
          (network(x, weights) - y).square().mean()
        }
        let adapted = (0..<3).reduce(start) { weights, _ in
          zip(weights, gradient(of: loss(weights, task[0], task[1]), wrt: weights)).map {
            $0 - 0.01 * $1
          }
        }
        return loss(adapted, task[2], task[3])
      }
      return Program(
        inputs: start + tasks.flatMap(\.self),
        outputs: gradient(of: losses.reduce(tape.constant(0), +), wrt: start))
    }
    let values = weights + data.flatMap(\.self)
    #expect(relativeDistance(programs[0].run(values), programs[1].run(values)) < 1e-12)
    let (seconds, dense) = Self.seconds(programs[0], programs[1])
    #expect(dense > 5 * seconds, "\(dense / seconds) times")
  }
}
