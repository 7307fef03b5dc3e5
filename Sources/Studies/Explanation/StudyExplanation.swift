import Archive
import Dynamics
import Kernels
import Transformer

extension TrainRun {
  /// What a training archive says of itself.
  var explanation: Explanation {
    Explanation([
      InputExplanation(study.data).part(), NetworkExplanation(study.model).part(),
      LossExplanation(study).part(),
      OptimizerExplanation(
        study.configuration.training.optimizer,
        steps: stepsPerEpoch * study.configuration.training.epochs
      ).part(), RandomExplanation(study).training(),
    ])
  }
}

extension FitRun {
  /// What an archive of equations that were fitted to a run of ours says of itself.
  func trainedExplanation(_ study: LoadedStudy) -> Explanation {
    let isTask = study.configuration.pde.objective == .task
    let settings = settings(false)
    let count = isTask ? study.trainIndices.count : fitSamples.count
    let steps = settings.epochs * ((count + settings.batch - 1) / settings.batch)
    return Explanation(
      [
        InputExplanation(study.data).part(), NetworkExplanation(study.model).part(),
        EquationExplanation(models, study.configuration.pde).part(),
        isTask ? LossExplanation(study).part() : nil,
        OptimizerExplanation(settings.optimizer, steps: steps).part(),
        RandomExplanation(study).fit(choice: Self.choiceIndex, count: count),
      ].compactMap { $0 })
  }
}
