/// What a pickle's instructions put on the stack. Containers, storages and tensors are numbers into the interpreter's lists:
/// a value that holds itself, or a million levels of nesting, cost no recursion.
enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  /// A whole number of more than 64 bits, as its little-endian bytes.
  case large([UInt8])
  case real
  case text(String)
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(Int)
  case tensor(Int)
}

/// The globals that a pickle may name. Nothing of them is run: each stands for what the reader does itself.
enum PickleGlobal {
  case orderedDictionary
  case rebuildTensor
  case rebuildParameter
  case storage(TensorType)

  /// Nil for a name that is not permitted.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", _):
      guard let type = Self.storages[name] else { return nil }
      self = .storage(type)
    default: return nil
    }
  }

  private static let storages: [String: TensorType] = [
    "DoubleStorage": .number(.float64), "FloatStorage": .number(.float32),
    "HalfStorage": .number(.float16), "BFloat16Storage": .number(.bfloat16),
    "LongStorage": .number(.int64), "IntStorage": .number(.int32),
    "ShortStorage": .number(.int16), "CharStorage": .number(.int8),
    "ByteStorage": .number(.uint8), "BoolStorage": .boolean,
    "ComplexFloatStorage": .unreadable("complex64"),
    "ComplexDoubleStorage": .unreadable("complex128"),
    "QInt8Storage": .unreadable("qint8"), "QUInt8Storage": .unreadable("quint8"),
    "QInt32Storage": .unreadable("qint32"),
  ]
}

/// A storage that a pickle refers to by its key.
struct PickleStorage {
  let type: TensorType
  let key: String
  /// Elements.
  let count: Int
}

/// A tensor as a pickle describes it: a window into a storage, in elements.
struct PickleTensor {
  let storage: Int
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}
