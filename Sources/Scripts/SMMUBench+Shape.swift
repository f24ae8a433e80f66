package import Files
package import Scenarios

// What a script can do with an SMMU.
extension SMMUBench {
  private static var number: Shape { .integer(0...(.max)) }

  package static var configuration: [Shape.Field] {
    [
      .optional(
        "personality", .choice(["architecture", "qemu-11"].map { .init($0) }),
        "Whose SMMU it is: the manual's, with every feature, or QEMU's."),
      .optional("caches", .boolean, "Whether translations and configurations are cached."),
      .optional("stream-bits", .integer(0...16), "log2 of the number of StreamIDs; 8 if absent."),
      .optional("split", .integer(6...10), "log2 of a leaf's entries: a two-level stream table."),
      .optional("queue-bits", .integer(0...8), "log2 of the queues' entries; 5 if absent."),
      .optional("records-bad-streams", .boolean, "CR2.RECINVSID; true if absent."),
    ]
  }

  package static var actions: [Shape.Field] {
    [
      .optional(
        "leaf",
        .record([
          .required("index", .integer(0...0xFFFF), "Of the level 1 descriptor."),
          .required("span", .integer(0...31), "Its Span."),
        ]), "Write a level 1 stream table descriptor."),
      .optional(
        "table",
        .record([
          .required("name", .anyText, "For later steps."),
          .required("stage", .integer(1...2), "Whose tables."),
          .optional("input-bits", .integer(25...48), "48 if absent; 44 for stage 2."),
        ]), "Make translation tables as Linux does."),
      .optional(
        "map",
        .record([
          .required("table", .anyText, "Whose."), .required("from", number, "Input address."),
          .required("to", number, "Output address."),
          .optional("size", number, "In bytes; a page if absent."),
          .optional("read-only", .boolean, "Whether writes are refused."),
          .optional("clear", number, "Bits to clear in the descriptors."),
          .optional("set", number, "Bits to set in them."),
        ]), "Map a range."),
      .optional(
        "cd",
        .record([
          .required("at", number, "Address."), .optional("table", .anyText, "Its TTB0."),
          .optional("asid", .integer(0...0xffff), "1 if absent."),
          .optional("fields", .fields, "What differs from Linux's."),
        ]), "Write a context descriptor."),
      .optional(
        "ste",
        .record([
          .required("stream", .integer(0...0xffff_ffff), "StreamID."),
          .optional("cd", number, "Stage 1: its S1ContextPtr."),
          .optional("stage2", .anyText, "Stage 2: the name of its tables."),
          .optional("vmid", .integer(0...0xffff), "1 if absent."),
          .optional("fields", .fields, "What differs from Linux's."),
        ]), "Write a stream table entry and invalidate the old one."),
      .optional(
        "write",
        .record([
          .required("address", number, "In RAM."), .required("value", number, "64 bits."),
        ]), "Write a word of RAM."),
      .optional(
        "access",
        .record([
          .required("address", number, "As the device sends it."),
          .optional("stream", .integer(0...0xffff_ffff), "1 if absent."),
          .optional("substream", .integer(0...0xf_ffff), "The PASID."),
          .optional("write", .boolean, "true if absent."),
          .optional("times", .integer(1...100_000), "How often; the last one is reported."),
        ]), "A device's access."),
      .optional(
        "events",
        .record([.optional("take", .integer(0...1000), "How many at most; all if absent.")]),
        "Read the event queue."),
      .optional(
        "commands",
        .list(
          .record([
            .required("opcode", .integer(0...0xff), "The opcode."),
            .optional("fields", .fields, "The operands."),
          ])), "Put commands into the queue and move PROD."),
      .optional("acknowledge", .record([]), "Acknowledge global errors: GERRORN = GERROR."),
      .optional(
        "register",
        .record([
          .required("offset", number, "From page 0."),
          .optional("value", number, "Written when given."),
        ]), "Write or read a 32-bit register."),
    ]
  }
}
