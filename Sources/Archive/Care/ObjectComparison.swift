import Arrays
import HDF5

/// Compares the objects of two archives, one after the other.
struct ObjectComparison {
  typealias Item = ArchiveDifference.Item

  private let first: RunReader
  private let second: RunReader
  private let tolerance: Double
  private let names: (ObjectNames, ObjectNames)
  private var items: [Item] = []

  init(_ first: RunReader, _ second: RunReader, _ tolerance: Double) {
    (self.first, self.second, self.tolerance) = (first, second, tolerance)
    names = (ObjectNames(first.root), ObjectNames(second.root))
  }

  mutating func run() throws -> [Item] {
    // By their bytes: two names that look alike are two names.
    let (a, b) = (try Self.objects(first), try Self.objects(second))
    for (path, object) in a {
      guard let other = b[path] else {
        items.append(Item(path: object.path, verdict: .onlyFirst, detail: object.what))
        continue
      }
      compare(object, other)
    }
    for (path, object) in b where a[path] == nil {
      items.append(Item(path: object.path, verdict: .onlySecond, detail: object.what))
    }
    compareGroups(first.root, second.root, depth: 0)
    return items
  }

  private static func objects(_ reader: RunReader) throws -> [[UInt8]: StoredObject] {
    Dictionary(
      try reader.objects().map { (Array($0.path.utf8), $0) }, uniquingKeysWith: { old, _ in old })
  }

  private mutating func compare(_ a: StoredObject, _ b: StoredObject) {
    func add(_ verdict: Item.Verdict, _ detail: String) {
      items.append(Item(path: a.path, verdict: verdict, detail: detail))
    }
    guard a.kind == b.kind else {
      return add(
        a.kind == .unreadable || b.kind == .unreadable ? .notCompared : .different,
        "\(a.words) against \(b.words)")
    }
    do {
      switch a.kind {
      case .array:
        items.append(try compareArrays(a.path))
        try compareLabels(a.path)
      case .scale:
        // One item an axis label only where it differs: readers know axes by their arrays.
        let item = try compareArrays(a.path)
        if item.verdict != .equal { items.append(item) }
      case .foreign: return try compareForeign(a, b)
      case .link: return add(a.what == b.what ? .equal : .different, "\(a.what) against \(b.what)")
      case .unreadable: return add(.notCompared, a.what)
      }
      try compareAttributes(first.root.dataset(a.path), second.root.dataset(a.path), a.path)
    } catch {
      add(.notCompared, "\(error)")
    }
  }

  // MARK: - Arrays

  private func compareArrays(_ path: String) throws -> Item {
    let (a, b) = (try first.root.dataset(path), try second.root.dataset(path))
    let (x, y) = (try a.elementType, try b.elementType)
    let (shape, other) = (try a.shape, try b.shape)
    guard x == y, shape == other else {
      return Item(
        path: path, verdict: .different,
        detail: "\(x.rawValue) \(shape) against \(y.rawValue) \(other)")
    }
    var item = x == .utf8 ? try compareTexts(path, a, b) : try compareNumbers(path, a, b)
    if let place = try Self.absence(a, b) {
      // What reads as equal may have been written in one of them only.
      item.verdict = .different
      if item.place == nil { item.place = place.at }
      item.detail = item.detail.isEmpty ? place.words : item.detail + "; " + place.words
    }
    let (s, t) = (try a.storedType, try b.storedType)
    if item.verdict == .equal, s != t {
      item.verdict = .close
      item.detail = "the same values, stored as \(s) against \(t)"
    }
    return item
  }

  private func compareTexts(_ path: String, _ a: Dataset, _ b: Dataset) throws -> Item {
    let (x, y) = (try a.readTextBytes(), try b.readTextBytes())
    guard let index = x.indices.first(where: { x[$0] != y[$0] }) else {
      return Item(path: path, verdict: .equal, detail: "")
    }
    let count = x.indices.count { x[$0] != y[$0] }
    let (s, t) = (Self.short(x[index]), Self.short(y[index]))
    let bytes = s == t ? " (the same letters of other bytes)" : ""
    return Item(
      path: path, verdict: .different, place: ValueComparison.place(index, try a.shape),
      detail: "«\(s)» against «\(t)»\(bytes)" + (count > 1 ? ", and \(count - 1) more" : ""))
  }

  private static func short(_ text: ArraySlice<UInt8>) -> String {
    let scalars = StoredName(Array(text)).shown.unicodeScalars
    let line = String(String.UnicodeScalarView(scalars.prefix(60).map { $0 == "\n" ? " " : $0 }))
    return scalars.count > 60 ? line + "…" : line
  }

  private func compareNumbers(_ path: String, _ a: Dataset, _ b: Dataset) throws -> Item {
    let (type, shape) = (try a.elementType, try a.shape)
    var comparison = ValueComparison(type)
    for block in try a.blocks(as: type) {
      let count = block.count.reduce(type.byteCount ?? 1, *)
      let x = try Self.read(a, type, block, count)
      let y = try Self.read(b, type, block, count)
      comparison.add(x, y, at: block, of: shape)
    }
    for (reader, dataset) in [(first, a), (second, b)] { try reader.checkSources(dataset) }
    return comparison.item(path, shape, tolerance)
  }

  /// Where one of two arrays has values that nobody wrote, and the other does not; nil where both agree.
  private static func absence(_ a: Dataset, _ b: Dataset) throws -> (at: [Int], words: String)? {
    guard try a.fillValue == .standard, try b.fillValue == .standard else { return nil }
    for (dataset, other, name) in [(a, b, "first"), (b, a, "second")] {
      if let place = try dataset.firstUnwritten(writtenIn: other) {
        return (place, "values from \(place) on were never written in the \(name) file")
      }
    }
    return nil
  }

  private static func read(
    _ dataset: Dataset, _ type: ElementType, _ block: (start: [Int], count: [Int]), _ count: Int
  ) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
      let part = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(bytes)[..<count])
      try dataset.readFast(into: part, as: type, start: block.start, count: block.count)
      initialized = count
    }
  }

  private mutating func compareLabels(_ path: String) throws {
    let (a, b) = (try first.root.dataset(path), try second.root.dataset(path))
    let x = try a.scaleAddresses().map { try $0.map { try names.0[$0] ?? "?" } }
    let y = try b.scaleAddresses().map { try $0.map { try names.1[$0] ?? "?" } }
    for (axis, (p, q)) in zip(x, y).enumerated() where p != q {
      items.append(
        Item(
          path: path, verdict: .different,
          detail: "axis \(axis) is labelled by \(Self.list(p)) against \(Self.list(q))"))
    }
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "nothing" : names.joined(separator: ", ")
  }

  // MARK: - Everything else

  private mutating func compareForeign(_ a: StoredObject, _ b: StoredObject) throws {
    guard a.what == b.what else {
      items.append(
        Item(path: a.path, verdict: .different, detail: "\(a.what) against \(b.what)"))
      return
    }
    if let s = first.root.namedType(a.path), let t = second.root.namedType(b.path) {
      items.append(
        Item(
          path: a.path, verdict: s == t ? .equal : .different,
          detail: s == t ? "" : "\(s) against \(t)"))
      return
    }
    guard let x = try Self.dataset(a, first), let y = try Self.dataset(b, second) else {
      items.append(Item(path: a.path, verdict: .notCompared, detail: a.what))
      return
    }
    let isEqual: Bool
    do {
      isEqual =
        try x.storedType == y.storedType && x.isNull == y.isNull
        && (x.isNull || x.shape == y.shape) && x.imageHash(names.0) == y.imageHash(names.1)
    } catch {
      items.append(Item(path: a.path, verdict: .notCompared, detail: "\(a.what): \(error)"))
      return
    }
    items.append(
      Item(
        path: a.path, verdict: isEqual ? .equal : .different, detail: isEqual ? "" : a.what))
    try compareAttributes(x, y, a.path)
  }

  /// The dataset of an object that is none of our arrays, also where its name is not UTF-8; nil when it is no dataset.
  private static func dataset(_ object: StoredObject, _ reader: RunReader) throws -> Dataset? {
    var group = reader.root
    let parts = object.path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
    for (index, part) in parts.enumerated() {
      let shown = String(decoding: part, as: UTF8.self)
      guard
        let link = try group.links().first(where: {
          $0.name.bytes == part || ($0.name.text == nil && $0.name.shown == shown)
        }), let end = group.resolved(link.name)
      else { return nil }
      if index == parts.count - 1 {
        return end.kind == .dataset ? try group.dataset(link.name) : nil
      }
      guard end.kind == .group else { return nil }
      group = try group.group(link.name)
    }
    return nil
  }

  /// Attributes of groups that both sides have.
  private mutating func compareGroups(_ a: Group, _ b: Group, depth: Int) {
    do {
      try compareAttributes(a, b, a.path)
      guard depth < 256 else { return }
      for link in try a.links() {
        guard case .object(.group, let address) = link.target,
          case .object(.group, _)? = try b.link(link.name)?.target,
          try names.0[address] == (a.path == "/" ? "" : a.path) + "/" + link.name.shown
        else { continue }
        try compareGroups(a.group(link.name), b.group(link.name), depth: depth + 1)
      }
    } catch {
      items.append(Item(path: a.path, verdict: .notCompared, detail: "\(error)"))
    }
  }

  /// What is said elsewhere: the values themselves, and the labels of axes.
  private static let skipped = Set(
    ["logical_sha256", "DIMENSION_LIST", "REFERENCE_LIST"].map { StoredName($0) })

  private mutating func compareAttributes(
    _ a: any AttributeHolder, _ b: any AttributeHolder, _ path: String
  ) throws {
    func all(_ holder: any AttributeHolder, _ names: ObjectNames) throws -> [StoredName:
      StoredAttribute]
    {
      let list = try holder.storedAttributes(names).filter { !Self.skipped.contains($0.name) }
      return Dictionary(list.map { ($0.name, $0) }, uniquingKeysWith: { old, _ in old })
    }
    let (x, y): ([StoredName: StoredAttribute], [StoredName: StoredAttribute])
    do {
      (x, y) = (try all(a, names.0), try all(b, names.1))
    } catch {
      items.append(Item(path: path + "@", verdict: .notCompared, detail: "attributes: \(error)"))
      return
    }
    for (name, value) in x {
      let place = "\(path)@\(name.shown)"
      guard let other = y[name] else {
        items.append(Item(path: place, verdict: .onlyFirst, detail: value.shown))
        continue
      }
      guard value != other else { continue }
      let types = value.type == other.type ? "" : " (\(value.type) against \(other.type))"
      items.append(
        Item(
          path: place, verdict: .different, detail: "\(value.shown) against \(other.shown)\(types)")
      )
    }
    for (name, value) in y where x[name] == nil {
      items.append(
        Item(path: "\(path)@\(name.shown)", verdict: .onlySecond, detail: value.shown))
    }
  }
}

extension StoredObject {
  fileprivate var words: String { what.isEmpty ? kind.rawValue : what }
}
