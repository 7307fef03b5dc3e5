/// How far a null may be from perfect and still count as perfect: ½u², u = 2⁻⁸ the rounding of bfloat16, which is what is left
/// between the cosine of two equal maps and 1 when one was stored in that type. A skill against such a null would be made of
/// rounding.
public let perfectNullMargin = 0x1p-17

/// How much of the way from the strongest null to perfect a similarity goes: 1 - (1 - s)/(1 - s₀).
///
/// 1 is perfect, 0 no better than the null, negative worse. Not a number when the null is itself perfect, 1 - s₀ at most
/// ``perfectNullMargin``, or either is not a number.
public func skill(_ similarity: Double, null: Double) -> Double {
  1 - null > perfectNullMargin ? 1 - (1 - similarity) / (1 - null) : .nan
}
