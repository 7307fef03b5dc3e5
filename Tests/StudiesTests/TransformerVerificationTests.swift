import Studies
import Testing

@Suite struct TransformerVerificationTests {
  @Test func `every variant agrees with PyTorch, and bits depend on nothing they should not`()
    throws
  {
    let rows = try TransformerVerification(threads: 2).run()
    #expect(rows.count == 82)
    for row in rows { #expect(row.passed, "\(row.name): \(row.found)") }
  }
}
