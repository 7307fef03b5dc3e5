import Archive
import Arrays
import Console
import Dynamics
import Kernels

/// The equations of a fields archive, ready to be integrated again.
struct FittedFields {
  /// One fitted equation.
  struct Model: Sendable {
    let equation: MasterEquation
    let coefficients: Coefficients<Float>
    let stepper: FitStepper
    let substeps: Int
  }

  let reader: RunReader
  let models: [Model]

  /// Opens the fields `name`, which must have been fitted to the trajectories of `run`.
  /// - Throws: when they belong to another run, or were trained on the task, whose embedding is another.
  init(_ name: String, of run: TrainedRun) throws {
    reader = try RunReader(name, expecting: [.fields])
    let path = reader.path
    guard try reader.sources().contains(where: { $0.runID == run.reader.runID }) else {
      throw UsageError("\(path) was not fitted to \(run.reader.path); fit it with isotherm fit")
    }
    try reader.checkMade(from: run.reader)
    let yaml = try reader.readTexts(Layout.Provenance.configuration).first ?? ""
    let pde = try StudyConfiguration(
      yaml: yaml, name: "\(path):\(Layout.Provenance.configuration)", settings: []
    ).pde
    guard pde.objective == .trajectories else {
      throw UsageError(
        "\(path) was trained on the task and starts from an embedding of its own; perturb takes fields fitted to "
          + "trajectories")
    }
    let (reader, grid) = (reader, run.study.model.grid)
    models = try pde.models.filter { reader.contains(Layout.Fields($0.rawValue).u) }.map { kind in
      let equation = MasterEquation(
        kind, grid: FieldGrid(rows: grid.rows, columns: grid.columns), boundary: pde.boundary,
        network: run.study.model, degree: pde.degree, rank: pde.rank)
      let weights = Buffer<Float>(max(1, equation.parameterCount))
      for entry in equation.layout.entries {
        let place = Layout.Fields(kind.rawValue).parameter(entry.name)
        let values: NDArray<Float> = try reader.read(place)
        guard values.count == entry.count else {
          throw ArchiveError(
            .layout, "\(path):\(place): expected \(entry.count) values, found \(values.count)")
        }
        for (i, value) in values.elements.enumerated() { weights.start[entry.offset + i] = value }
      }
      let coefficients = Coefficients<Float>(equation)
      coefficients.expand(weights.start)
      return Model(
        equation: equation, coefficients: coefficients, stepper: pde.stepper,
        substeps: pde.substeps)
    }
  }
}
