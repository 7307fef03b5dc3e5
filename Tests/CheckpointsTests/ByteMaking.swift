import Foundation

/// Bytes of files, put together by hand: what readers are tested with must not come from the code under test.
extension FixedWidthInteger {
  /// All bytes, the least significant first.
  var bytes: [UInt8] {
    (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> Self($0 * 8)) }
  }
}

func floatBytes(_ values: [Float]) -> [UInt8] { values.flatMap { $0.bitPattern.bytes } }

/// CRC-32 (IEEE 802.3), bit by bit.
func checksum(_ bytes: [UInt8]) -> UInt32 {
  var sum = UInt32.max
  for byte in bytes {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
  }
  return ~sum
}

/// A zip archive of stored members; `isQuiet` leaves the sizes out of the local headers, as torch does.
func zip(_ members: [(name: String, bytes: [UInt8])], isQuiet: Bool = false) -> [UInt8] {
  var (out, directory) = ([UInt8](), [UInt8]())
  for (name, bytes) in members {
    let flags: UInt16 = isQuiet ? 0x0808 : 0x0800
    let place = UInt32(out.count)
    let (sum, size) = (checksum(bytes), UInt32(bytes.count))
    let fields: (Bool) -> [UInt8] = { quiet in
      flags.bytes + UInt16(0).bytes + UInt32(0x21_0000).bytes
        + (quiet ? UInt32(0) : sum).bytes + (quiet ? UInt32(0) : size).bytes
        + (quiet ? UInt32(0) : size).bytes + UInt16(name.utf8.count).bytes
    }
    out += [0x50, 0x4B, 3, 4] + UInt16(20).bytes + fields(isQuiet) + UInt16(0).bytes
    out += Array(name.utf8) + bytes
    directory += [0x50, 0x4B, 1, 2] + UInt16(20).bytes + UInt16(20).bytes + fields(false)
    directory += UInt16(0).bytes + UInt16(0).bytes + [UInt8](repeating: 0, count: 8)
    directory += place.bytes + Array(name.utf8)
  }
  let count = UInt16(members.count)
  return out + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count.bytes + count.bytes
    + UInt32(directory.count).bytes + UInt32(out.count).bytes + [0, 0]
}

/// A safetensors file of this header and these values; `length` in place of the header's own.
func safetensors(_ header: String, _ values: [UInt8], length: UInt64? = nil) -> [UInt8] {
  safetensors(Array(header.utf8), values, length: length)
}

func safetensors(_ header: [UInt8], _ values: [UInt8], length: UInt64? = nil) -> [UInt8] {
  (length ?? UInt64(header.count)).bytes + header + values
}

/// An npy array.
func npy(
  _ descriptor: String, _ shape: String, _ values: [UInt8], fortran: Bool = false,
  version: UInt8 = 1
) -> [UInt8] {
  let header =
    "{'descr': \(descriptor), 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }\n"
  let count = header.utf8.count
  return [0x93] + Array("NUMPY".utf8) + [version, 0]
    + (version == 1 ? UInt16(count).bytes : UInt32(count).bytes) + Array(header.utf8) + values
}

/// Protocol buffers: a field with a length, a number.
func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
  varint(number << 3 | 2) + varint(bytes.count) + bytes
}
func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }
func varint(_ value: Int) -> [UInt8] {
  var (rest, out) = (UInt64(bitPattern: Int64(value)), [UInt8]())
  while rest >= 0x80 {
    out.append(UInt8(rest & 0x7F) | 0x80)
    rest >>= 7
  }
  return out + [UInt8(rest)]
}

/// An initialiser of an ONNX model with raw values.
func initializer(
  _ name: String, _ shape: [Int], type: Int = 1, _ raw: [UInt8]
) -> [UInt8] {
  shape.flatMap { field(1, $0) } + field(2, type) + field(8, Array(name.utf8)) + field(9, raw)
}

/// An ONNX model of initialisers and nodes.
func onnx(_ initializers: [[UInt8]], nodes: [[UInt8]] = []) -> [UInt8] {
  field(1, 8) + field(7, nodes.flatMap { field(1, $0) } + initializers.flatMap { field(5, $0) })
}

/// A node of an ONNX graph.
func node(_ operation: String, _ inputs: [String], _ output: String) -> [UInt8] {
  inputs.flatMap { field(1, Array($0.utf8)) } + field(2, Array(output.utf8))
    + field(4, Array(operation.utf8))
}

/// A text of GGUF.
func ggufText(_ text: String) -> [UInt8] { UInt64(text.utf8.count).bytes + Array(text.utf8) }

/// A GGUF file; lengths as GGUF has them, innermost first.
func gguf(
  _ tensors: [(name: String, lengths: [UInt64], type: UInt32, offset: UInt64)], _ values: [UInt8],
  keys: [[UInt8]] = [], version: UInt32 = 3
) -> [UInt8] {
  var out = Array("GGUF".utf8) + version.bytes + UInt64(tensors.count).bytes
  out += UInt64(keys.count).bytes + keys.flatMap { $0 }
  for tensor in tensors {
    out += ggufText(tensor.name) + UInt32(tensor.lengths.count).bytes
    out += tensor.lengths.flatMap(\.bytes) + tensor.type.bytes + tensor.offset.bytes
  }
  while out.count % 32 != 0 { out.append(0) }
  return out + values
}
