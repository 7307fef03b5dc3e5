import Archive

extension RunReader {
  /// Refuses a network that others trained: what it was trained on, and how, is not in its archive.
  func checkIsTrained() throws {
    guard contains(Layout.Network.file) else { return }
    throw ArchiveError(
      .refused,
      "\(path): an imported network, without samples and study; expected a run that isotherm train made; "
        + "`isotherm-analyze weights` reads imported ones")
  }
}
