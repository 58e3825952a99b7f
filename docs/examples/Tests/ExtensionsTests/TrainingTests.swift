import Extensions
import Testing

/// Training a network from outside with the package's trainer.
@Suite struct TrainingTests {
  @Test func trainingMakesTheNetworkAdapt() throws {
    let (before, after) = try trainTanhNetwork()
    #expect(after[5] < 0.25 * before[5] && after[5] < 0.4 * after[0])
    // Much of what adapting gains comes with the one step that was trained for.
    #expect(after[1] < 0.75 * after[0])
  }
}
