/** Character references, by table and number: no parser is asked. */

const NAMED: Record<string, string> = {};
const TABLE =
  "amp & lt < gt > quot \" apos ' nbsp \u00a0 copy © reg ® trade ™ hellip … mdash — ndash – lsquo ‘ rsquo ’ ldquo “ rdquo ” " +
  "laquo « raquo » bull • middot · times × divide ÷ deg ° plusmn ± sup2 ² sup3 ³ micro µ para ¶ sect § frac12 ½ frac14 ¼ frac34 ¾ " +
  "euro € pound £ yen ¥ cent ¢ le ≤ ge ≥ ne ≠ asymp ≈ equiv ≡ infin ∞ sum ∑ prod ∏ int ∫ radic √ part ∂ minus − " +
  "larr ← uarr ↑ rarr → darr ↓ harr ↔ lArr ⇐ rArr ⇒ hArr ⇔ forall ∀ exist ∃ isin ∈ notin ∉ cap ∩ cup ∪ sub ⊂ sup ⊃ empty ∅ and ∧ or ∨ not ¬ " +
  "alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ phi φ chi χ psi ψ omega ω " +
  "Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω " +
  "auml ä ouml ö uuml ü Auml Ä Ouml Ö Uuml Ü szlig ß eacute é egrave è ecirc ê agrave à aacute á acirc â ccedil ç ntilde ñ oacute ó iacute í uacute ú aring å oslash ø aelig æ check ✓";
const WORDS = TABLE.split(" ");
for (let i = 0; i + 1 < WORDS.length; i += 2) NAMED[WORDS[i] as string] = WORDS[i + 1] as string;

const REFERENCE = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z][a-zA-Z0-9]{1,31}));/g;

/** The text with its character references read; what is not in the table stays as it is written. */
export function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(REFERENCE, (whole, decimal?: string, hex?: string, name?: string) =>
    name ? (Object.hasOwn(NAMED, name) ? (NAMED[name] as string) : whole) : character(parseInt(decimal ?? hex ?? "", decimal ? 10 : 16)),
  );
}

function character(code: number): string {
  const valid = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return valid ? String.fromCodePoint(code) : "\ufffd";
}
