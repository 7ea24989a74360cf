//! Signatures of tokens are checked by ring, which TLS brings along already: a provider of cryptography for `jsonwebtoken`,
//! whose own ones would add some thirty packages. We check and never sign.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature as algorithms;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: Check::boxed,
    key_utils: KeyUtils::new_unimplemented(),
};

/// For the whole process; once is enough.
pub fn install() {
    let _ = PROVIDER.install_default();
}

struct Check {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Check {
    fn boxed(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
        if key.family() != algorithm.family() {
            return Err(ErrorKind::InvalidKeyFormat.into());
        }
        Ok(Box::new(Check { algorithm: *algorithm, key: key.clone() }))
    }

    fn check(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let rsa = |parameters: &algorithms::RsaParameters| match self.key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                algorithms::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).ok()
            }
            DecodingKeyKind::SecretOrDer(_) => None,
        };
        let point = |algorithm: &'static dyn algorithms::VerificationAlgorithm| {
            let key = self.key.try_get_as_bytes().ok()?;
            algorithms::UnparsedPublicKey::new(algorithm, key).verify(message, signature).ok()
        };
        match self.algorithm {
            Algorithm::RS256 => rsa(&algorithms::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => rsa(&algorithms::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => rsa(&algorithms::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => rsa(&algorithms::RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => rsa(&algorithms::RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => rsa(&algorithms::RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => point(&algorithms::ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => point(&algorithms::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDSA => point(&algorithms::ED25519),
            _ => None,
        }
    }
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.check(message, signature).ok_or_else(signature::Error::new)
    }
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
