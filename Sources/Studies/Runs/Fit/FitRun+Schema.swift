import Archive
import Dynamics
import Kernels
import Transformer

extension FitRun {
  func schema() throws -> RunSchema {
    let network = subject.model
    let pde = subject.pde
    typealias Axis = ArraySchema.AxisSchema
    let sample = Axis("sample", heldOut.count)
    let layers = network.layerCount
    let depth = Axis(
      "depth_time", layers + 1, coordinates: (0...layers).map { Double($0) / Double(layers) },
      longName: "depth-time, layer / layer count")
    let map = [
      Axis("head", network.headCount), Axis("query", network.positionCount),
      Axis("key", network.positionCount),
    ]
    // A class token is a position beside the grid.
    let cells =
      grid.rows > 1 && network.classTokenCount == 0
      ? [Axis("y", grid.rows), Axis("x", grid.columns)]
      : [Axis("position", network.positionCount)]
    var arrays = [
      ArraySchema(Layout.Samples.index, .int32, [sample], longName: "position in the data set")
    ]
    if try subject.heldOutLabels() != nil {
      arrays.append(ArraySchema(Layout.Samples.label, .int32, [sample], longName: "class"))
    }
    if subject.heldOutLengths != nil {
      arrays.append(
        ArraySchema(
          Layout.Samples.length, .int32, [sample], longName: "positions that are no padding"))
    }
    arrays.append(
      ArraySchema(
        Layout.Reference.positionMean, .float32, [Axis("layer", layers)] + map,
        longName: "network attention map, mean over the \(fitSamples.count) fit samples"))
    for equation in models {
      let name = equation.model.rawValue
      let attributes: [String: AttributeValue] = [
        "parameter_count": .integer(Int64(equation.parameterCount)),
        "objective": .text(pde.objective.rawValue),
        "fit_samples": .integer(
          Int64(
            pde.objective == .task
              ? subject.trained?.study.trainIndices.count ?? 0 : fitSamples.count)),
        "stepper": .text(pde.stepper.rawValue),
        "boundary": .text(equation.boundary.rawValue),
        "substeps": .integer(Int64(pde.substeps)),
      ]
      arrays.append(
        ArraySchema(
          Layout.Fields(name).u, .float32,
          [depth, sample] + cells + [Axis("channel", network.width)],
          longName: "field of the \(name) equation on held-out samples; 0 at padding",
          attributes: attributes))
      if equation.model.hasAttention {
        arrays.append(
          ArraySchema(
            Layout.Fields(name).attention, .float32, [Axis("layer", layers), sample] + map,
            longName: "attention map of the \(name) equation at each layer's depth-time",
            attributes: attributes))
        arrays.append(
          ArraySchema(
            Layout.Fields(name).termSize, .float64,
            [Axis("term", EquationTerm.allCases.count), Axis("layer", layers), sample],
            longName: "root mean square of each term at each layer's depth-time",
            attributes: ["flag_meanings": .text(EquationTerm.meanings)]))
      }
      let isTask = pde.objective == .task
      if !isTask {
        arrays.append(
          ArraySchema(
            Layout.Fields(name).stateError, .float64, [depth, sample],
            longName: "relative squared error against the network on held-out samples"))
      }
      let stem =
        isTask ? ParameterLayout(TaskObjective<PatchSource>.stem(network)) : ParameterLayout()
      var layout = stem
      for entry in equation.layout.entries { layout.append(entry.name, entry.axes, entry.start) }
      for (index, entry) in layout.entries.enumerated() {
        arrays.append(
          ArraySchema(
            Layout.Fields(name).parameter(entry.name), .float32,
            entry.axes.map { Axis($0.name, $0.length) },
            longName: ParameterMeaning(entry.name).longName, attributes: layout.facts(index)))
      }
      let step = Axis.growing("step")
      if isTask {
        let one = Axis("ending", 1)
        arrays += [
          ArraySchema(
            Layout.FitProgress(name).taskLoss, .float64, [step],
            longName: "cross entropy of the task",
            units: "nat"),
          ArraySchema(
            Layout.FitProgress(name).gradientNorm, .float64, [step],
            longName: "global gradient norm before clipping"),
          ArraySchema(
            Layout.Fields(name).testAccuracy, .float64, [one],
            longName: "share of the test split classified rightly"),
          ArraySchema(
            Layout.Fields(name).testLoss, .float64, [one],
            longName: "cross entropy of the test split", units: "nat"),
        ]
        if pde.every == .epoch {
          arrays += observations(name, depth, sample, cells)
        }
        continue
      }
      arrays += [
        ArraySchema(
          Layout.FitProgress(name).stateLoss, .float64, [step], longName: "normalised state error"),
        ArraySchema(
          Layout.FitProgress(name).mapLoss, .float64, [step],
          longName: "weighted divergence of the attention maps", units: "nat"),
      ]
    }
    var schema = RunSchema(
      .fields, title: subject.title, arrays: arrays,
      defaultGroup: Layout.Fields(models.last?.model.rawValue ?? "").path,
      provenance: Provenance(
        configuration: subject.yaml, seed: subject.seed, blasCore: BLASCore.name,
        sources: [try subject.source()]))
    schema.explanation = subject.explanation(self)
    return schema
  }

  /// What is seen of an equation while it learns the task.
  private func observations(
    _ name: String, _ depth: ArraySchema.AxisSchema, _ sample: ArraySchema.AxisSchema,
    _ cells: [ArraySchema.AxisSchema]
  ) -> [ArraySchema] {
    let checkpoint = ArraySchema.AxisSchema.growing("checkpoint")
    let width = ArraySchema.AxisSchema("channel", subject.model.width)
    return [
      ArraySchema(
        Layout.Training(name).step, .int32, [checkpoint], longName: "optimiser steps done"),
      ArraySchema(
        Layout.Training(name).u, .float32, [checkpoint, depth, sample] + cells + [width],
        longName: "field of the \(name) equation on held-out samples while it learns; 0 at padding"),
      ArraySchema(
        Layout.Training(name).gradientNorm, .float64, [checkpoint, depth, sample],
        longName: "norm of the gradient of each sample's own loss with respect to the state"),
    ]
  }
}
