/// Pickles put together by hand.
enum Pickle {
  static let start: [UInt8] = [0x80, 2]
  static let stop: [UInt8] = [0x2E]

  static func text(_ text: String) -> [UInt8] {
    [0x58] + UInt32(text.utf8.count).bytes + Array(text.utf8)
  }

  static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + Int64(value).bytes }

  static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.flatMap { $0 } + [0x74] }

  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func storage(_ type: String, _ key: String, _ count: Int) -> [UInt8] {
    tuple([text("storage"), global("torch", type), text(key), text("cpu"), integer(count)])
      + [0x51]
  }

  static let ordered = global("collections", "OrderedDict") + [0x29, 0x52]

  static func tensor(
    _ storage: [UInt8], offset: Int = 0, _ shape: [Int], _ strides: [Int]
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2")
      + tuple([
        storage, integer(offset), tuple(shape.map(integer)), tuple(strides.map(integer)), [0x89],
        ordered,
      ]) + [0x52]
  }

  static func parameter(_ tensor: [UInt8]) -> [UInt8] {
    global("torch._utils", "_rebuild_parameter") + tuple([tensor, [0x88], ordered]) + [0x52]
  }

  static func dictionary(_ items: [(String, [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + items.flatMap { text($0.0) + $0.1 } + [0x75]
  }

  /// A whole pickle of a value.
  static func whole(_ value: [UInt8]) -> [UInt8] { start + value + stop }

  /// A torch zip of a pickled value and storages.
  static func torch(_ value: [UInt8], _ storages: [(String, [UInt8])]) -> [UInt8] {
    zip(
      [("net/data.pkl", whole(value)), ("net/byteorder", Array("little".utf8))]
        + storages.map { ("net/data/" + $0.0, $0.1) } + [("net/version", [0x33, 10])],
      isQuiet: true)
  }

  /// A legacy torch file of a pickled value and storages.
  static func legacy(
    _ value: [UInt8], _ storages: [(key: String, count: Int, bytes: [UInt8])]
  ) -> [UInt8] {
    let magic: [UInt8] = [
      0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
    let keys: [UInt8] = [0x5D, 0x28] + storages.flatMap { text($0.key) } + [0x65]
    let values: [UInt8] = storages.flatMap { Int64($0.count).bytes + $0.bytes }
    let order = dictionary([("little_endian", [0x88])])
    return magic + whole([0x4D, 0xE9, 3]) + whole(order) + whole(value) + whole(keys) + values
  }
}
