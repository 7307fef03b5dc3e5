import Console
import Dynamics

extension ProblemRun {
  /// What kind of end an outcome is.
  func ending(_ outcome: IntegrationOutcome) -> Ending {
    switch outcome {
    case .reached: .reached
    case .diverged: .diverged
    case .gaveUp, .stalled: .gaveUp
    }
  }

  /// How it ended, in words, with what would do where it ended before its time.
  func message(_ outcome: IntegrationOutcome) -> String {
    switch outcome {
    case .reached: "reached t = \(Format.digits(problem.time.end))"
    case .gaveUp(let time):
      "gave up at t = \(Format.digits(time)) of \(Format.digits(problem.time.end)): a million steps; \(remedy)"
    case .stalled(let time):
      "gave up at t = \(Format.digits(time)) of \(Format.digits(problem.time.end)): round-off is above the tolerance; "
        + "raise time.tolerance"
    case .diverged(let time, let place):
      "diverged at t = \(Format.digits(time)), first at \(words(place)); the snapshots before are archived"
        + (isUnstable ? "; the step is beyond the stability limit, so the equation need not" : "")
    }
  }

  /// Whether the step is longer than the stability limit, as was allowed.
  private var isUnstable: Bool {
    integration.stepCount != nil
      && integration.stepSize > integration.stabilityLimit * (1 + 1e-9)
  }

  /// What would reach the end. A larger tolerance makes steps longer only where it is the tolerance that limits them.
  var remedy: String {
    let step = Format.digits(integration.longestAdaptiveStep)
    guard integration.isTooStiff else {
      return "raise time.tolerance, or lower time.end"
    }
    let why = "explicit steps longer than \(step) are not stable here, whatever the tolerance"
    guard let limit = implicitLimit else {
      return
        "\(why), and no implicit stepper takes these terms; take rk4 with a time.step of \(step), or a coarser grid"
    }
    return "\(why); take etd2rk or crank-nicolson with a time.step that resolves the solution"
      + (limit.isFinite ? ", at most \(Format.digits(limit))" : "")
  }

  /// Longest stable step of the second-order implicit and exponential steppers; nil when they do not take these terms, or would need
  /// as many steps.
  private var implicitLimit: Double? {
    guard (try? field.semilinear()) != nil else { return nil }
    let limit = StabilityAnalysis(field).limitOfConvection(.heun)
    return limit > 2 * integration.longestAdaptiveStep ? limit : nil
  }
}
