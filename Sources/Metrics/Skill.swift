/// How much of the way from the strongest null to perfect a similarity goes: 1 - (1 - s)/(1 - s₀).
///
/// 1 is perfect, 0 no better than the null, negative worse. Not a number when the null is itself perfect.
public func skill(_ similarity: Double, null: Double) -> Double {
  null < 1 ? 1 - (1 - similarity) / (1 - null) : .nan
}
