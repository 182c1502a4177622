//! Keys and signatures of `minisign` 0.11 (Debian), and what of them counts.

use super::*;

/// `minisign -G -W -p a.pub -s a.key`.
const PUBLIC_KEY: &str = "\
untrusted comment: minisign public key D1016D4DF59E736F
RWRvc571TW0B0Y8uLPMwycQWWbBm8HalvxEd77SaXq5OcGiPCOpuuW51
";
/// `printf 'a manifest\n' > m; minisign -S -s a.key -m m -t 'a trusted comment'`.
const SIGNATURE: &str = "\
untrusted comment: signature from minisign secret key
RURvc571TW0B0UdAms5kp9xl0N2WiQEhfsZ2aj3xOHk1+SdairXvqqp9me7k0FyE9+SvRLvM8w2xgWDl5M5g1ez7bW23AJoTwQY=
trusted comment: a trusted comment
OJflXfmDS0cYHOdr2EiKVNPJpGekvk4bdV/POXe1SXW8/OcyZgVsjO+ANSitHpIvZ6fT5mj+gCqZOWj+eWguDg==
";
/// The same with `-l`.
const LEGACY: &str = "\
untrusted comment: signature from minisign secret key
RWRvc571TW0B0b6g3NnLTskAkxZDVhaHFTSpG8pbwsNpsm6j4qmfW7GMFVf/uXt8ldpIHLC17UFISDJGTxewcUrZGuZrEybbmwM=
trusted comment: legacy
uu2O6K3REaSkcA5nGbrvpLxEkN2EhLXDcaj+Rb3MafGjNupCYQo/iTkubX2OZrUjw6qMo1sxHbfy1KHnnn7tCA==
";
const SIGNED: &[u8] = b"a manifest\n";

fn keys() -> TrustedKeys {
    TrustedKeys {
        trusted: vec![VerifyingKey::parse(PUBLIC_KEY).unwrap()],
        revoked: Vec::new(),
    }
}

#[test]
fn a_signature_of_minisign_counts() {
    let keys = keys();
    let id = keys.trusted[0].id();
    assert_eq!(keys.verify(SIGNED, SIGNATURE), Ok(id));
    assert!(PUBLIC_KEY.contains(&id.to_string()), "{id}");
    assert_eq!(KeyId::from_hexadecimal(&id.to_string()), Some(id));
    let line = PUBLIC_KEY.lines().nth(1).unwrap();
    assert_eq!(VerifyingKey::parse(line).as_ref(), Ok(&keys.trusted[0]));
}

#[test]
fn a_legacy_signature_is_refused_with_its_reason() {
    assert_eq!(keys().verify(SIGNED, LEGACY), Err(SignatureError::Legacy));
}

#[test]
fn other_bytes_other_comments_and_other_keys_do_not_count() {
    let mut keys = keys();
    let id = keys.trusted[0].id();
    assert_eq!(
        keys.verify(b"another\n", SIGNATURE),
        Err(SignatureError::Mismatch(id))
    );
    let comment = SIGNATURE.replace("a trusted", "another");
    assert_eq!(
        keys.verify(SIGNED, &comment),
        Err(SignatureError::Mismatch(id))
    );
    for text in [
        "",
        "x\ny\nz\nz",
        PUBLIC_KEY,
        &"x".repeat(SIGNATURE_BYTES_MAX + 1),
    ] {
        assert_eq!(keys.verify(SIGNED, text), Err(SignatureError::Unreadable));
    }
    keys.revoked.push(id);
    assert_eq!(
        keys.verify(SIGNED, SIGNATURE),
        Err(SignatureError::RevokedKey(id))
    );
    keys.revoked.clear();
    keys.trusted.clear();
    assert_eq!(
        keys.verify(SIGNED, SIGNATURE),
        Err(SignatureError::UnknownKey(id))
    );
}

#[test]
fn what_is_no_key_is_told() {
    for text in ["", "RW", "untrusted comment: x", SIGNATURE] {
        assert_eq!(VerifyingKey::parse(text), Err(NotAPublicKey), "{text}");
    }
}

#[cfg(feature = "desk")]
mod secret {
    use super::*;
    use crate::secret_key::{KeyPairFiles, SecretKeyError, SecretKeyFile};

    /// The secret key of [`PUBLIC_KEY`], without a password: its checksum is zeros.
    const SECRET_KEY: &str = "\
untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAb3Oe9U1tAdGWc32cYEvN/g4Xjcb0SO5BebOfsjoziqa2+ctAXqSi9I8uLPMwycQWWbBm8HalvxEd77SaXq5OcGiPCOpuuW51AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
";
    /// `minisign -G`, with the password `secret`.
    const LOCKED_KEY: &str = "\
untrusted comment: minisign encrypted secret key
RWRTY0IypvzGeA0WPu+sVsirUyUGuUQzqD+azW/Aoc4+iXtXdRcAAAACAAAAAAAAAEAAAAAAm9dOhflkIr0uWRxJ1cAEc6h7uIcq+NApQJItiVDeaGZ+BfcbVUojcH6JR3QOQcjswwvlwfnWc1em5wabVxhoEp0sZbDrIRsonKcMHsJxQiL9vD6OOMQzJJDmRH0JvPLms+m5q26i754=
";
    const LOCKED_PUBLIC_KEY: &str = "\
untrusted comment: minisign public key 962B1CE55F0820B8
RWS4IAhf5RwrluOVs2vICIWN0UWz0xR8IB45isd57RCJC5JSRE8x/pZL
";

    #[test]
    fn a_key_of_minisign_without_a_password_signs() {
        let file = SecretKeyFile::parse(SECRET_KEY).unwrap();
        assert!(!file.needs_password());
        let key = file.unlock(None).unwrap();
        let signature = key.sign(SIGNED, "comment").unwrap();
        assert!(keys().verify(SIGNED, &signature).is_ok());
        assert_eq!(key.public().unwrap(), keys().trusted[0]);
    }

    #[test]
    fn a_key_of_minisign_with_a_password_signs() {
        let file = SecretKeyFile::parse(LOCKED_KEY).unwrap();
        assert!(file.needs_password());
        for wrong in [None, Some("wrong".to_owned())] {
            assert!(matches!(file.unlock(wrong), Err(SecretKeyError::Password)));
        }
        let key = file.unlock(Some("secret".to_owned())).unwrap();
        assert_eq!(
            key.public().ok(),
            VerifyingKey::parse(LOCKED_PUBLIC_KEY).ok()
        );
    }

    #[test]
    fn a_pair_that_was_made_fits() {
        let pair = KeyPairFiles::generate(None).unwrap();
        let key = SecretKeyFile::parse(&pair.secret)
            .unwrap()
            .unlock(None)
            .unwrap();
        let public = VerifyingKey::parse(&pair.public).unwrap();
        assert_eq!(public.id(), pair.id);
        assert_eq!(key.public().unwrap(), public);
        let damaged = pair.secret.trim_end().char_indices().nth_back(60);
        let (at, letter) = damaged.unwrap();
        let other = if letter == 'A' { "B" } else { "A" };
        let mut text = pair.secret.clone();
        text.replace_range(at..=at, other);
        assert!(SecretKeyFile::parse(&text).unwrap().unlock(None).is_err());
        for cut in [0, 10, pair.secret.len() / 2] {
            assert!(SecretKeyFile::parse(&pair.secret[..cut]).is_err());
        }
    }
}
