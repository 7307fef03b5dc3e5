import Arrays
import Foundation
import HDF5

/// Writes an archive anew into one sealed file: with other chunks or compression, with some of its arrays, or joined
/// from the archives of several ranks.
///
/// Everything arrives, or the command refuses: values, attributes of every type, coordinates, links, objects that no array of
/// ours could be, the order in which things were made. At the end all is read back and compared with what was read, and
/// only then does the file get its name. Logical hashes are of the values that were read.
public struct ArchiveRewriter {
  /// What changes.
  public struct Options: Sendable {
    /// What chunks are cut for; as they are when nil.
    public var pattern: ChunkPattern?
    /// Filters; as they are when nil.
    public var filters: ArraySchema.Filters?
    /// Whether halves become float32, which every reader opens.
    public var widening = false
    /// Patterns of the arrays to keep, `*` for anything; all when empty.
    public var selection: [String] = []

    /// Nothing changes.
    public init() {}
  }

  let readers: [RunReader]
  let options: Options
  /// Axis along which several archives are joined.
  let axis: String
  let pool = MemoryPool(limit: 32 << 20)
  private let plan: RewritePlan

  /// Reads what `readers` hold: one archive, or the ranks of one run in order, to be joined along `axis`.
  /// - Throws: ``ArchiveError`` naming the array when ranks do not fit together, or no array is selected, or the object that
  ///   cannot be read.
  public init(_ readers: [RunReader], along axis: String = "sample", _ options: Options) throws {
    (self.readers, self.options, self.axis) = (readers, options, axis)
    plan = try RewritePlan.make(readers[0], options)
    let items = plan.allItems.map(\.item)
    if let damaged = items.first(where: { $0.kind == .unreadable }) {
      let what = try readers[0].objects().first { $0.path == damaged.path }?.what ?? ""
      throw ArchiveError(
        .refused,
        "\(readers[0].path):\(damaged.path): cannot be read: \(what); choose the others with --select"
      )
    }
    guard items.contains(where: { $0.kind == .array && !$0.path.isAboutArchive }) else {
      throw ArchiveError(
        .refused,
        "\(readers[0].path): no array matches \(options.selection.joined(separator: ", ")); "
          + "`isotherm-archive ls` lists them")
    }
    if readers.count > 1 { try RankCheck(readers, axis, plan).run() }
  }

  /// Writes `file`, durably, and reads it back. Returns what has to be said: types that were widened, hashes that were wrong
  /// in the source.
  /// - Throws: ``ArchiveError`` when the file exists and is not to be replaced, or is not what was read, which then is not
  ///   kept.
  @discardableResult
  public func write(to file: String, replacing: Bool) throws -> [String] {
    guard replacing || !FileManager.default.fileExists(atPath: file) else {
      throw ArchiveError(
        .exists, "\(file) exists already; pass --force to replace it, or choose another name")
    }
    try OutputGuard(readers.map(\.path)).check(file: file)
    let pending = PendingFile(file)
    let (written, copied) = try fill(pending.temporary)
    var notes = copied + externalNotes(file)
    let check = ReadBack(readers, axis, written, plan)
    let (hashes, said) = try check.run(pending.temporary)
    notes += said
    try store(hashes, in: pending.temporary)
    try pending.finish()
    return notes
  }

  /// Paths of the arrays that are written, without the provenance.
  var arrayPaths: [String] {
    plan.allItems.map(\.item).filter {
      $0.kind == .array && !$0.path.isAboutArchive
    }.map(\.path)
  }

  /// Objects that are carried along as they are.
  var foreignPaths: [String] {
    plan.allItems.map(\.item).filter { $0.kind == .foreign && !$0.isGroup }.map(\.path)
  }

  private func fill(_ temporary: String) throws -> (written: [WrittenArray], notes: [String]) {
    let target = try File.create(temporary)
    let root = try target.root
    let copy = try TreeCopy(from: readers[0].root, to: root, leavingOut: ["history"])
    var work = RewriteWork(rewriter: self, copy: copy)
    try work.copyGroup(plan, to: root)
    try copy.finish()
    try root.setAttribute("history", .text(history()))
    for array in work.written {
      guard array.isHashed, let hash = array.expected else { continue }
      try root.dataset(array.path).setAttribute("logical_sha256", .text(hash))
    }
    if !options.selection.isEmpty { try mendDefaults(plan, root) }
    if readers.count > 1 {
      try TreeWriter.writeSources(
        readers.map { try $0.asSource() }, in: root.makeGroup("provenance"))
    }
    try target.close()
    return (work.written, work.notes)
  }

  private func history() throws -> String {
    let line =
      readers.count > 1
      ? "joined from \(readers.count) ranks along \(axis)"
      : "written anew by isotherm-archive \(Provenance.version)"
    return [try readers[0].attribute("/", "history")?.text, line].compactMap { $0 }
      .joined(separator: "\n")
  }

  /// What a viewer draws first must be there: where it was left out, the group's first array of numbers takes its place.
  private func mendDefaults(_ plan: RewritePlan, _ group: Group) throws {
    if let signal = try group.attribute("signal")?.text, !group.contains(signal) {
      let first = try plan.items.first { item in
        guard item.kind == .array, let name = item.link.name.text else { return false }
        let dataset = try group.dataset(name)
        return try dataset.elementType != .utf8 && !dataset.isScale && !dataset.shape.isEmpty
      }
      if let name = first?.link.name.text {
        try group.setAttribute("signal", .text(name))
        try group.setAttribute(
          "axes", .texts(group.dataset(name).axisNames().map { $0 ?? "." }))
      } else {
        for name in ["signal", "axes", "NX_class"] { try group.removeAttribute(name) }
      }
    }
    if plan.link == nil, let place = try group.attribute("default")?.text, !group.contains(place) {
      let first = try plan.allItems.first {
        guard $0.item.isGroup, group.contains($0.item.path) else { return false }
        return try group.group($0.item.path).attribute("signal") != nil
      }
      if let path = first?.item.path {
        try group.setAttribute("default", .text(path))
      } else {
        try group.removeAttribute("default")
      }
    }
    for (index, below) in plan.groups {
      guard let name = plan.items[index].link.name.text else { continue }
      try mendDefaults(below, group.group(name))
    }
  }

  /// The right hash beside arrays whose source had a wrong one.
  private func store(_ hashes: [String: String], in temporary: String) throws {
    guard !hashes.isEmpty else { return }
    let file = try File.open(temporary, writable: true)
    for (path, hash) in hashes {
      try file.root.dataset(path).setAttribute("logical_sha256", .text(hash))
    }
    try file.close()
  }

  /// Links to other files hold paths that may start from the file's own folder.
  private func externalNotes(_ file: String) -> [String] {
    guard parentFolder(file) != parentFolder(readers[0].path) else { return [] }
    return plan.allItems.compactMap { _, item in
      guard case .external(let other, _) = item.link.target, other.bytes.first != 0x2F else {
        return nil
      }
      return "\(item.path) leads to the file \(other.shown), which is looked for from "
        + "\(parentFolder(file)) now"
    }
  }
}
