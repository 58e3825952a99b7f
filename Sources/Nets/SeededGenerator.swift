import Tape

/// A random number generator whose numbers follow from its seed alone.
///
/// - Reference: SplitMix64 in Steele, Lea and Flood, *Fast splittable pseudorandom number
///   generators* (2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  /// The seed of a generator that goes on as this one would.
  public private(set) var state: UInt64

  /// Creates a generator; equal seeds give equal numbers, on every platform.
  public init(seed: UInt64) {
    state = seed
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

extension RandomNumberGenerator {
  /// A number from the standard normal distribution.
  ///
  /// - Reference: Box and Muller, *A note on the generation of random normal deviates* (1958).
  public mutating func nextGaussian() -> Double { gaussian(using: &self) }

  /// A number from the gamma distribution of scale one.
  ///
  /// - Parameter shape: Above ⅓; the method is for one and more.
  /// - Reference: Marsaglia and Tsang, *A simple method for generating gamma variables* (2000).
  package mutating func nextGamma(_ shape: Double) -> Double {
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = nextGaussian()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      let u = 1 - Double.random(in: 0..<1, using: &self)
      if v > 0, scalarLog(u) < x * x / 2 + d - d * v + d * scalarLog(v) { return d * v }
    }
  }
}

extension SeededGenerator {
  /// A number from the standard normal distribution, the same as of any generator, but compiled for this one.
  public mutating func nextGaussian() -> Double { gaussian(using: &self) }
}

@inline(__always)
private func gaussian(using generator: inout some RandomNumberGenerator) -> Double {
  // 1 − u lies in (0, 1], where the logarithm is finite.
  let radius = (-2 * scalarLog(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
  return radius * scalarCos(2 * .pi * Double.random(in: 0..<1, using: &generator))
}
