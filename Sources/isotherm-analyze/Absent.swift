import Archive
extension RunReader {
  func absentArrays() throws -> [String] { [] }
}
