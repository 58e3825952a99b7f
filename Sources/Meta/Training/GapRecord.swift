public struct GapRecord: Codable, Equatable, Sendable {}
extension BilevelProblem { func gapRecord() -> GapRecord { GapRecord() } }
