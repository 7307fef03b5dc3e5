/// Which samples of a data set.
public enum DataSplit: String, Sendable, CaseIterable {
  /// Those held out from training.
  case test
  /// Those of the training split, samples for early stopping included.
  case train
}
