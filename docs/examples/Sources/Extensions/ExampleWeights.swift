public import Meta
public import Nets
public import Tape

/// A regression that learns how much each of its examples counts: the weights descend
/// Σᵢ cᵢ · ½(xᵢ·w − yᵢ)² from zero, and are judged on fresh points.
///
/// - Parameters:
///   - data: The matrices `x`, `y`, `fresh x` and `fresh y`, one point a row.
///   - weights: cᵢ, a column.
/// - Reference: Ren et al., *Learning to reweight examples for robust deep learning* (2018).
public func reweightedRegression(
  _ data: Parameters<Matrix>, weights: Matrix, steps: Int = 1, rate: Double
) -> Bilevel {
  Bilevel(
    "reweighted regression",
    outer: [
      "w": Matrix(Shape(data["x"].columns, 1), repeating: 0), "weights": weights,
      "learningRate": Matrix(rate),
    ], learned: ["weights"], tasks: [data], steps: steps,
    start: { outer in ["w": outer["w"]] },
    innerLoss: { inner, outer, task in
      0.5 * (outer["weights"] * (task["x"].matmul(inner["w"]) - task["y"]).square()).sum()
    },
    outerLoss: { inner, _, task in
      0.5 * (task["fresh x"].matmul(inner["w"]) - task["fresh y"]).square().mean()
    })
}
