import Foundation

/// How the learning rate goes through training.
public enum LearningSchedule: String, Sendable, CaseIterable {
  /// Linear warm-up, then a half cosine to a hundredth.
  case cosine
  /// Linear warm-up, then a straight line to a hundredth.
  case linear
  /// Linear warm-up, then the same.
  case constant

  /// Share of the highest rate that is left at the end.
  public static var floor: Double { 0.01 }

  /// Share of the highest rate at `step` (0-based) of `total`, of which `warmup` is a share.
  public func factor(step: Int, total: Int, warmup: Double) -> Double {
    let rise = max(1, Int((warmup * Double(total)).rounded()))
    if step < rise { return Double(step + 1) / Double(rise) }
    let progress = min(1, Double(step - rise) / Double(max(1, total - rise)))
    switch self {
    case .cosine: return Self.floor + (1 - Self.floor) * 0.5 * (1 + cos(.pi * progress))
    case .linear: return 1 - (1 - Self.floor) * progress
    case .constant: return 1
    }
  }
}
