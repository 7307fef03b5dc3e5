import Foundation
import Testing

/// What archives of estimates and of integrations say of themselves is enough to compute them again, with NumPy alone.
@Suite struct ExplanationTests {
  private let folder: String

  init() throws { folder = try Programs.scratch() }

  private func succeed(_ program: String, _ arguments: [String]) throws {
    let outcome = try Programs.run(program, arguments, in: folder)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
  }

  /// Runs a script of this folder; returns what it printed.
  private func rebuild(_ script: String, _ arguments: [String]) throws -> Programs.Outcome {
    try Programs.run(
      Programs.root + "/.venv/bin/python",
      [Programs.root + "/Tests/ProgramTests/" + script] + arguments, in: folder)
  }

  @Test(arguments: [false, true])
  func `estimates of layers come out again`(isText: Bool) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try SmallData.images(folder + "/d.h5")
    try SmallData.passages(folder + "/t.h5", shortest: 2)
    try succeed("isotherm", ["train", SmallData.study(folder, text: isText), "-o", "run"])
    // Shares of tokens are often equally far apart: rounding decides which neighbour of those is the nearest.
    let neighbours = isText ? "" : "ksg,"
    try succeed(
      "isotherm",
      [
        "inform", "run", "-o", "i", "--set",
        "information.estimators=[kde,kde-lower,binning,\(neighbours)renyi]", "--set",
        "information.pairs=[kde]", "--set", "information.resamples=12", "--set",
        "information.shuffles=9",
      ])
    let outcome = try rebuild("rebuild-information.py", ["i.h5", "run.h5", "1e-6"])
    #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
    #expect(outcome.output.contains("numbers, worst"))
  }

  private static let line =
    "grid: {rows: 1, columns: 12, spacing: 0.5, boundary: neumann}\n"
    + "terms: [{kind: diffusion, diffusivity: 0.3}, {kind: reaction, polynomial: [0.1, 1, 0, -1]}]\n"
  private static let plane =
    "grid: {rows: 4, columns: 6, boundary: periodic, channels: 2}\n"
    + "terms: [{kind: diffusion, diffusivity: [0.2, 0.4]}, {kind: reaction, rate: 0.7, capacity: 2}, "
    + "{kind: convection, velocity: [0.3, -0.7]}]\n"
  private static let edges =
    "grid: {rows: 5, columns: 3, boundary: dirichlet}\n"
    + "terms: [{kind: diffusion, diffusivity: 0.2}, {kind: convection, velocity: [0, 0.5], scheme: central}]\n"

  private static func tokens(_ attention: String, sphere: Bool = false) -> String {
    "tokens: {count: 9, dimension: 3, sphere: \(sphere)}\nterms: [{kind: attention, \(attention)}]\n"
  }

  private static func measure(_ attention: String) -> String {
    "gaussian: {mean: [0.7, -0.2], variance: [1.3, 0.4]}\nterms: [{kind: attention, \(attention)}]\n"
  }

  private static let steppers = [
    "euler", "heun", "rk4", "crank-nicolson", "imex-euler", "imex-ars222", "lie", "strang",
    "etd2rk", "dopri5",
  ]

  private static let fields: [String] = steppers.flatMap { stepper -> [String] in
    let time =
      "time: {end: 0.4, step: 0.01, stepper: \(stepper), snapshots: 4, tolerance: 1e-10, "
      + "allow_unstable: true}\n"
    // Every stepper on a line; the plane and edges by one of each sort.
    let isOfSort = ["heun", "imex-ars222", "etd2rk", "dopri5"].contains(stepper)
    return [line + time] + (isOfSort ? [plane + time, edges + time] : [])
  }

  private static let others: [String] = [
    "grid: {rows: 5, columns: 7, boundary: dirichlet}\nterms: [{kind: diffusion, diffusivity: 1}]\n"
      + "time: {end: 2, step: 0.1, stepper: leapfrog, second_order: true, snapshots: 4}\n",
    "grid: {rows: 1, columns: 9, boundary: periodic}\n"
      + "terms: [{kind: diffusion, diffusivity: 0.2, order: 4}]\n"
      + "time: {end: 0.4, step: 0.02, stepper: rk4, snapshots: 2}\n",
    "grid: {rows: 2, columns: 4, boundary: neumann, channels: 2}\n"
      + "terms: [{kind: diffusion, diffusivity: 0.1}, "
      + "{kind: attention, kernel: softmax, sharpness: 0.5}]\n"
      + "time: {end: 0.4, step: 0.02, stepper: strang, snapshots: 2}\n",
  ]

  private static let attentions: [String] = [
    tokens("kernel: softmax, sharpness: 2", sphere: true),
    tokens("kernel: unnormalised, sharpness: 1, strength: -0.5", sphere: true),
    tokens("kernel: softmax, sharpness: 0.5, causal: true"),
    tokens("kernel: l2, sharpness: 0.7"),
    tokens("kernel: l2, sharpness: 0.7, relative: false, strength: -1"),
    tokens("kernel: sinkhorn, sharpness: 0.8"), measure("kernel: softmax, strength: -1"),
    measure("kernel: l2, sharpness: 0.5"), measure("kernel: sinkhorn, sharpness: 2"),
  ]

  /// A problem, and how it is integrated.
  static let problems: [String] =
    fields + others
    + attentions.map { $0 + "time: {end: 0.5, step: 0.05, stepper: heun, snapshots: 2}\n" }
    + attentions.prefix(2).map {
      $0 + "time: {end: 0.5, stepper: dopri5, tolerance: 1e-10, snapshots: 2}\n"
    }

  @Test(arguments: problems) func `an integration comes out again`(_ problem: String) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let isDrawn = !problem.hasPrefix("gaussian")
    try
      (problem + "seed: 4\n"
      + (isDrawn ? "initial: {kind: random, amplitude: 0.6, mean: 0.2}\n" : ""))
      .write(toFile: folder + "/p.yaml", atomically: true, encoding: .utf8)
    try succeed("isotherm", ["integrate", "p.yaml", "-o", "s"])
    let isAdaptive = problem.contains("dopri5")
    let outcome = try rebuild("rebuild-solution.py", ["s.h5", isAdaptive ? "1e-7" : "1e-10"])
    #expect(outcome.status == 0, "\(problem): \(outcome.output) \(outcome.errors)")
  }
}
