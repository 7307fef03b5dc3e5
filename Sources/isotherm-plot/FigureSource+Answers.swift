import Archive

extension FigureSource {
  /// Number of classes that a run's network tells apart; 0 where nobody wrote it, and where answers are tokens: classes of a text to be
  /// continued are those of the passages it comes from.
  func classCount() throws -> Int {
    guard reader.contains(Layout.Classes.name), !reader.contains(Layout.Samples.target) else {
      return 0
    }
    return try texts(Layout.Classes.name).count
  }
}
