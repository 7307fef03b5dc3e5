/// Interprets a pickle of tensors without running anything: instructions that build numbers, text, lists, tuples and
/// dictionaries, and calls of the few globals of ``PickleGlobal``.
///
/// A pickle is a program for a stack machine that may name and call anything in Python. Whatever is not needed to describe
/// tensors is refused with the name that was asked for. Stack, memo and containers are bounded together: 64 MiB at most.
struct PickleReader {
  private(set) var cursor: ByteCursor
  private let path: String
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private(set) var containers: [[PickleValue]] = []
  private(set) var storages: [PickleStorage] = []
  private(set) var tensors: [PickleTensor] = []
  private var itemCount = 0

  /// A reader of the pickle at the cursor.
  init(_ cursor: ByteCursor) {
    self.cursor = cursor
    path = cursor.region.source.path
  }

  /// Runs to the end of one pickle. What it described stays; another may follow behind it.
  mutating func run() throws -> PickleValue {
    (stack, marks, memo) = ([], [], [:])
    while true {
      let code = try cursor.byte()
      if code == UInt8(ascii: ".") { break }
      try step(code)
      guard stack.count <= 200_000, memo.count <= 400_000, containers.count <= 300_000,
        itemCount <= 1_000_000, tensors.count <= Limits.tensors, marks.count <= 100_000
      else { throw damaged("a pickle of at most \(Limits.tensors) tensors", "a larger one") }
    }
    let value = try pop()
    guard stack.isEmpty, marks.isEmpty else { throw damaged("one value in a pickle", "more") }
    return value
  }

  // MARK: - Instructions

  private mutating func step(_ code: UInt8) throws {
    switch code {
    case 0x80:
      let version = try cursor.byte()
      guard 2...5 ~= version else { throw damaged("a pickle of protocol 2 to 5", "\(version)") }
    case 0x95: _ = try cursor.take(8)
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popMark()
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88, 0x89: stack.append(.boolean(code == 0x88))
    case UInt8(ascii: "K"): stack.append(.integer(Int(try cursor.byte())))
    case UInt8(ascii: "M"): stack.append(.integer(Int(try cursor.integer(UInt16.self))))
    case UInt8(ascii: "J"): stack.append(.integer(Int(try cursor.integer(Int32.self))))
    case 0x8A: try pushLong(Int(try cursor.byte()))
    case UInt8(ascii: "G"):
      _ = try cursor.take(8)
      stack.append(.real)
    case UInt8(ascii: "X"): try pushText(Int(try cursor.integer(UInt32.self)))
    case 0x8C, UInt8(ascii: "U"): try pushText(Int(try cursor.byte()))
    case UInt8(ascii: "T"): try pushText(Int(try cursor.integer(UInt32.self)))
    case UInt8(ascii: ")"), UInt8(ascii: "t"), 0x85, 0x86, 0x87: try pushTuple(code)
    case UInt8(ascii: "]"): stack.append(.list(try container([])))
    case UInt8(ascii: "}"): stack.append(.dictionary(try container([])))
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"): try append(try popMark())
    case UInt8(ascii: "s"):
      let value = try pop()
      try setItems([try pop(), value])
    case UInt8(ascii: "u"): try setItems(try popMark())
    case UInt8(ascii: "c"), 0x93, UInt8(ascii: "R"), UInt8(ascii: "Q"), UInt8(ascii: "b"):
      try call(code)
    case UInt8(ascii: "q"), UInt8(ascii: "r"), 0x94, UInt8(ascii: "h"), UInt8(ascii: "j"):
      try remember(code)
    default:
      throw forbidden("instruction \(String(code, radix: 16))")
    }
  }

  private mutating func remember(_ code: UInt8) throws {
    let key: Int
    switch code {
    case UInt8(ascii: "q"), UInt8(ascii: "h"): key = Int(try cursor.byte())
    case UInt8(ascii: "r"), UInt8(ascii: "j"): key = Int(try cursor.integer(UInt32.self))
    default: key = memo.count
    }
    if code == UInt8(ascii: "h") || code == UInt8(ascii: "j") {
      guard let value = memo[key] else {
        throw damaged("something remembered as \(key)", "nothing")
      }
      stack.append(value)
    } else {
      guard let top = stack.last else { throw damaged("a value to remember", "none") }
      memo[key] = top
    }
  }

  private mutating func pushLong(_ count: Int) throws {
    guard count <= 16 else { throw damaged("a number of at most 16 bytes", "\(count)") }
    let bytes = try cursor.take(count).withBytes { Array($0) }
    guard count <= 8 else { return stack.append(.large(bytes)) }
    var value = UInt64(bitPattern: (bytes.last ?? 0) >= 0x80 ? -1 : 0)
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    stack.append(.integer(Int(Int64(bitPattern: value))))
  }

  private mutating func pushText(_ count: Int) throws {
    stack.append(.text(try cursor.text(count)))
  }

  private mutating func pushTuple(_ code: UInt8) throws {
    switch code {
    case UInt8(ascii: ")"): stack.append(.tuple(try container([])))
    case UInt8(ascii: "t"):
      let items = try popMark()
      stack.append(.tuple(try container(items)))
    default:
      let count = Int(code) - 0x84
      guard stack.count - (marks.last ?? 0) >= count else {
        throw damaged("\(count) values for a tuple", "fewer")
      }
      let items = Array(stack.suffix(count))
      stack.removeLast(count)
      stack.append(.tuple(try container(items)))
    }
  }

  private mutating func append(_ items: [PickleValue]) throws {
    guard case .list(let number)? = stack.last else { throw damaged("a list", "something else") }
    itemCount += items.count
    containers[number] += items
  }

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard case .dictionary(let number)? = stack.last, items.count % 2 == 0 else {
      throw damaged("a dictionary", "something else")
    }
    itemCount += items.count
    containers[number] += items
  }

  private mutating func container(_ items: [PickleValue]) throws -> Int {
    itemCount += items.count
    containers.append(items)
    return containers.count - 1
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw damaged("a value on the stack", "none")
    }
    return value
  }

  private mutating func popMark() throws -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else {
      throw damaged("a mark on the stack", "none")
    }
    let items = Array(stack[mark...])
    stack.removeLast(items.count)
    return items
  }

  // MARK: - Calls

  private mutating func call(_ code: UInt8) throws {
    switch code {
    case UInt8(ascii: "c"):
      let module = try cursor.line(256)
      try pushGlobal(module, try cursor.line(256))
    case 0x93:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw damaged("the name of a global", "something else")
      }
      try pushGlobal(module, name)
    case UInt8(ascii: "R"):
      guard case .tuple(let number) = try pop(), case .global(let global) = try pop() else {
        throw forbidden("a call of something that is no global")
      }
      stack.append(try reduce(global, containers[number]))
    case UInt8(ascii: "b"):
      // Attributes of a dictionary: torch keeps versions of modules there.
      guard case .dictionary = try pop(), case .dictionary? = stack.last else {
        throw forbidden("attributes of something that is no dictionary")
      }
    default:
      guard case .tuple(let number) = try pop() else {
        throw damaged("a reference to a storage", "something else")
      }
      stack.append(.storage(try storage(containers[number])))
    }
  }

  private mutating func pushGlobal(_ module: String, _ name: String) throws {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw forbidden("\(CheckpointError.shown(module)).\(CheckpointError.shown(name))")
    }
    stack.append(.global(global))
  }

  private mutating func reduce(
    _ global: PickleGlobal, _ arguments: [PickleValue]
  ) throws -> PickleValue {
    switch global {
    case .orderedDictionary:
      guard arguments.isEmpty else { throw damaged("an empty OrderedDict", "arguments") }
      return .dictionary(try container([]))
    case .rebuildParameter:
      guard case .tensor(let number)? = arguments.first else {
        throw damaged("a parameter made of a tensor", "something else")
      }
      return .tensor(number)
    case .rebuildTensor:
      guard 6...7 ~= arguments.count, case .storage(let storage) = arguments[0],
        case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
        let strides = integers(arguments[3]), shape.count == strides.count,
        shape.count <= Limits.rank
      else { throw damaged("storage, offset, size and stride of a tensor", "something else") }
      itemCount += 2 * shape.count
      tensors.append(
        PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides))
      return .tensor(tensors.count - 1)
    case .storage: throw forbidden("a call of a storage")
    }
  }

  private mutating func storage(_ parts: [PickleValue]) throws -> Int {
    guard 5...6 ~= parts.count, case .text("storage") = parts[0],
      case .global(.storage(let type)) = parts[1], case .text(let key) = parts[2],
      case .text = parts[3], case .integer(let count) = parts[4], count >= 0
    else { throw damaged("('storage', type, key, place, count)", "something else") }
    if parts.count == 6 {
      guard case .none = parts[5] else {
        throw CheckpointError(
          .unsupported, file: path, expected: "storages of their own",
          found: "a view of a storage, as torch before 0.4 saved them",
          remedy: "load and save it with a newer torch")
      }
    }
    guard storages.count < 200_000 else { throw damaged("at most 200,000 storages", "more") }
    storages.append(PickleStorage(type: type, key: key, count: count))
    return storages.count - 1
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    guard case .tuple(let number) = value else { return nil }
    var values: [Int] = []
    for item in containers[number] {
      guard case .integer(let value) = item, value >= 0 else { return nil }
      values.append(value)
    }
    return values
  }

  // MARK: - Refusals

  private func damaged(_ expected: String, _ found: String) -> CheckpointError {
    CheckpointError.damaged(
      path, expected: "\(expected) before byte \(cursor.region.offset + cursor.place)",
      found: found)
  }

  private func forbidden(_ found: String) -> CheckpointError {
    CheckpointError(
      .forbidden, file: path,
      expected:
        "a pickle of tensors only (collections.OrderedDict, torch._utils._rebuild_tensor_v2, "
        + "torch._utils._rebuild_parameter, torch.*Storage)",
      found: found,
      remedy: "do not load this file unless you trust its origin; ask for safetensors, or save "
        + "model.state_dict() alone")
  }
}
