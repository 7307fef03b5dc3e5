import Archive

/// How libraries call what they let people save.
public enum ArrayPreset: String, Sendable, CaseIterable {
  /// `hidden_states`, `attentions` and their like of transformers.
  case huggingface
  /// Hook names of a TransformerLens cache.
  case transformerlens
  /// Paths of modules, as nnsight names what it saves, with `.output` and `.input`.
  case nnsight

  /// The rules, the first that matches first.
  var rules: [ArrayRule] { own + Self.shared }

  private var own: [ArrayRule] {
    switch self {
    case .huggingface:
      Self.rules(
        [
          "hidden_{depth}", "hidden_states.{depth}", "hidden_states_{depth}",
          "hidden_states[{depth}]",
          "hidden_states/{depth}", "hidden_state_{depth}", "hidden.{depth}", "hidden_states",
          "hidden",
        ],
        .state)
        + Self.rules(
          [
            "attn_{layer}", "attentions.{layer}", "attentions_{layer}", "attentions[{layer}]",
            "attentions/{layer}", "attention_{layer}", "attn.{layer}", "attentions", "attn",
          ],
          .attention)
        + Self.rules(["pooler_output"], .pooled)
    case .transformerlens:
      Self.rules(["blocks.{layer}.hook_resid_pre"], .state, at: .pre)
        + Self.rules(["blocks.{layer}.hook_resid_mid"], .state, at: .mid)
        + Self.rules(["blocks.{layer}.hook_resid_post"], .state)
        + Self.rules(["blocks.{layer}.attn.hook_pattern"], .attention)
        + Self.rules(["blocks.{layer}.attn.hook_attn_scores"], .scores)
        + Self.rules(["blocks.{layer}.attn.hook_q"], .queries)
        + Self.rules(["blocks.{layer}.attn.hook_k"], .keys)
        + Self.rules(["blocks.{layer}.attn.hook_v"], .values)
        + Self.rules(["blocks.{layer}.attn.hook_z"], .headOutput)
        + Self.rules(["blocks.{layer}.mlp.hook_post"], .hidden)
        + Self.rules(["ln_final.hook_normalized"], .finalNorm)
    case .nnsight:
      ["h", "layers", "layer", "blocks"].flatMap { stack in
        ["", "*."].flatMap { prefix in
          Self.layerRules("\(prefix)\(stack).{layer}")
        }
      }
        + Self.rules(["lm_head.output", "*.lm_head.output", "embed_out.output"], .logits)
    }
  }

  /// Modules of one layer; the block's output and the attention's are tuples or not, depending on the version.
  private static func layerRules(_ layer: String) -> [ArrayRule] {
    rules(["\(layer).input", "\(layer).input[0]", "\(layer).input.0"], .state, at: .pre)
      + rules(["\(layer).output", "\(layer).output[0]", "\(layer).output.0"], .state)
      + ["attn", "self_attn", "attention", "attention.self", "attention.attention"].flatMap {
        name in
        rules(["\(layer).\(name).output[1]", "\(layer).\(name).output.1"], .attention)
      }
  }

  /// What has the same names everywhere.
  private static let shared =
    rules(["input_ids", "tokens", "token_ids"], .tokens)
    + rules(["input", "inputs"], .input) + rules(["pixel_values"], .image)
    + rules(["attention_mask", "mask"], .mask) + rules(["labels", "label"], .label)
    + rules(["logits"], .logits)
    + rules(["sample_id", "sample_ids", "sample_index", "index", "idx"], .sampleID)
    + rules(["split"], .split)

  private static func rules(
    _ patterns: [String], _ role: ArrayRole, at place: ArrayRule.Place = .post
  ) -> [ArrayRule] {
    // Patterns of presets hold no braces but those of placeholders.
    patterns.compactMap { try? NamePattern($0) }.map {
      ArrayRule(pattern: $0, role: role, place: place)
    }
  }

  /// The preset whose names an array has, for the advice to people who gave none.
  static func suggestion(for names: [String]) -> ArrayPreset? {
    allCases.first { preset in
      names.contains { name in preset.own.contains { $0.pattern.numbers(in: name) != nil } }
    }
  }
}
