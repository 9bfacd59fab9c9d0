/** A hash with its password, published elsewhere or made by another implementation. */
export type KnownHash = {
  format: string;
  from: string;
  hash: string;
  password: string;
  /** Takes only a few milliseconds. */
  cheap: boolean;
};

const unpadded = (hex: string) => Buffer.from(hex, 'hex').toString('base64').replace(/=+$/, '');

export const known: KnownHash[] = [
  {
    format: 'argon2i',
    from: 'Supabase Auth, internal/crypto/password_test.go',
    hash: '$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g',
    password: 'test',
    cheap: true,
  },
  {
    format: 'argon2i of the old version, which is not named',
    from: 'the reference implementation, src/test.c',
    hash: '$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY',
    password: 'password',
    cheap: true,
  },
  {
    format: 'argon2id',
    from: 'Supabase Auth, internal/crypto/password_test.go',
    hash: '$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk',
    password: 'test',
    cheap: true,
  },
  {
    format: 'argon2d',
    from: 'passuth, tests',
    hash: '$argon2d$v=19$m=16,t=2,p=1$Mmx3eWR3YkJONkhoTGFnNA$HD1EIj2bqdfwQrJDP+FY6w',
    password: 'password',
    cheap: true,
  },
  {
    format: 'bcrypt $2a$',
    from: 'Openwall crypt_blowfish, wrapper.c',
    hash: '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a',
    password: 'U*U*U',
    cheap: false,
  },
  {
    format: 'bcrypt $2b$, which is the same for this password',
    from: 'Openwall crypt_blowfish, wrapper.c',
    hash: '$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK',
    password: 'U*U*',
    cheap: false,
  },
  {
    format: 'bcrypt $2y$',
    from: 'Supabase Auth, internal/crypto/password_test.go',
    hash: '$2y$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu',
    password: 'test',
    cheap: false,
  },
  {
    format: 'scrypt',
    from: 'RFC 7914 §12, the second',
    hash: `$scrypt$ln=10,r=8,p=16$${btoa('NaCl').replace(/=+$/, '')}$${unpadded(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    )}`,
    password: 'password',
    cheap: false,
  },
  {
    format: 'scrypt',
    from: 'RFC 7914 §12, the third',
    hash: `$scrypt$ln=14,r=8,p=1$${btoa('SodiumChloride').replace(/=+$/, '')}$${unpadded(
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    )}`,
    password: 'pleaseletmein',
    cheap: false,
  },
  {
    format: 'scrypt',
    from: 'passlib, passlib.hash.scrypt',
    hash: '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
    password: 'password',
    cheap: false,
  },
  {
    format: 'scrypt',
    from: "Python's hashlib.scrypt",
    hash: '$scrypt$ln=4,r=8,p=2$c2Vhc2FsdCE$JXBMMVtlHz9by0rtW1+MbKjoM/rlmZUg5w/ynTgw7Zw',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'Firebase scrypt',
    from: 'github.com/firebase/scrypt, README',
    hash: '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
    password: 'user1password',
    cheap: false,
  },
  {
    format: 'Firebase scrypt',
    from: 'Supabase Auth, internal/crypto/password_test.go',
    hash: '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==',
    password: 'mytestpassword',
    cheap: false,
  },
  {
    format: 'better-auth scrypt, which normalises by NFKC',
    from: "Python's hashlib.scrypt",
    hash: '00112233445566778899aabbccddeeff:268ce8aa853fe4a6ebec753679aaae73b8633f7b16d0e50d614646f4b23c74ae5753ab0b08e94aba7b0322962255c126c8128e001d626acf58a3e43c1dc68d3d',
    password: 'ﬁne lètmein',
    cheap: false,
  },
  {
    format: 'PBKDF2 with sha256',
    from: 'Django 1.8, tests/auth_tests/test_hashers.py',
    hash: 'pbkdf2_sha256$20000$seasalt2$Flpve/uAcyo6+IFI6YAhjeABGPVbRQjzHDxRhqxewgw=',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'PBKDF2 with sha1',
    from: 'Django 1.8, tests/auth_tests/test_hashers.py',
    hash: 'pbkdf2_sha1$20000$seasalt2$pJt86NmjAweBY1StBvxCu7l1o9o=',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'PBKDF2 with sha512',
    from: "Python's hashlib.pbkdf2_hmac",
    hash: 'pbkdf2_sha512$1000$seasalt$MvpYzRb9t8IHUO1U7cCcGPfI+JLcFRBOUbkty+vHmXzMoGO3EGn5ZDxFwkkOHVT55Elz3Qczs2+FNpDKUjv/RA==',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'Werkzeug PBKDF2 with sha1',
    from: "Python's hashlib.pbkdf2_hmac, as werkzeug.security writes it",
    hash: 'pbkdf2:sha1:1000$seasalt$96395e538c01993b73fcca06e584f0c6933477b2',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'passlib PBKDF2 with sha1',
    from: "Python's hashlib.pbkdf2_hmac, as passlib writes it",
    hash: '$pbkdf2$1000$8PHy8/T19vf4.fr7/P3./w$2dR7RQBzM8AucQZS9jFU./.ZRBA',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'Werkzeug PBKDF2 with sha256',
    from: "Python's hashlib.pbkdf2_hmac, as werkzeug.security writes it",
    hash: 'pbkdf2:sha256:1000$seasalt$26066bc977b619af32b20e976f390ba537723d0ac7aac8a76cbf419e78605f80',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'passlib PBKDF2 with sha256',
    from: "Python's hashlib.pbkdf2_hmac, as passlib writes it",
    hash: '$pbkdf2-sha256$1000$8PHy8/T19vf4.fr7/P3./w$NLCxhEx13MijqfW7prAglClHI.JU.g8ztpZ9vKGmT6s',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'Werkzeug PBKDF2 with sha512',
    from: "Python's hashlib.pbkdf2_hmac, as werkzeug.security writes it",
    hash: 'pbkdf2:sha512:1000$seasalt$32fa58cd16fdb7c20750ed54edc09c18f7c8f892dc15104e51b92dcbebc7997ccca063b71069f9643c45c2490e1d54f9e44973dd0733b36f853690ca523bff44',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'passlib PBKDF2 with sha512',
    from: "Python's hashlib.pbkdf2_hmac, as passlib writes it",
    hash: '$pbkdf2-sha512$1000$8PHy8/T19vf4.fr7/P3./w$G38.kKPBMjhq6JujX0e7u7RNAFJTRe7Cj3TBITWP4weBT/.cgn35E3NdvJUwKJnWFeLB2iwIl1HxKJw4Dfd2GQ',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'passlib PBKDF2 with sha256, of 64 bytes as Keycloak makes them',
    from: "Python's hashlib.pbkdf2_hmac",
    hash: '$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$MmVyK7Qz.8VhxNfAvQLr59CRxm89xRf9GNhRAPQspUf3VLbpCaWWM2o4eMiQS1dtKUsmQDWClmuDN6MBC42PwQ',
    password: 'lètmein',
    // Cut to its first block it is the same hash of 32 bytes, so it is no case for cut hashes.
    cheap: false,
  },
  {
    format: 'Werkzeug scrypt',
    from: "Python's hashlib.scrypt, as werkzeug.security writes it",
    hash: 'scrypt:32768:8:1$seasalt$234adc1bad217ba78ba38755879749e79e0bd9e15594146d46e6420f2313e6228332c0781cdf9077cf34c4a818d359fe2eb589d29206092aba3cb6ee4afcac2f',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'Django scrypt',
    from: "Python's hashlib.scrypt, as Django writes it",
    hash: 'scrypt$16384$seasalt$8$5$ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw==',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'Spring scrypt',
    from: "Python's hashlib.scrypt, as SCryptPasswordEncoder writes it",
    hash: '{scrypt@SpringSecurity_v5_8}$100801$AAECAwQFBgcICQoLDA0ODw==$FfUO3BmlxEfgI3jSzy5ZHUF3JaJ2ITQt1LGYhRBktjs=',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'ASP.NET Identity with sha256',
    from: "Python's hashlib.pbkdf2_hmac, as PasswordHasher V3 writes it",
    hash: 'AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg/qrY/kza4bhW0WHBZ2aWafWzqnvZK7CBl4WcYGmVFohQ==',
    password: 'lètmein',
    cheap: true,
  },
  {
    format: 'ASP.NET Identity with sha512',
    from: "Python's hashlib.pbkdf2_hmac, as PasswordHasher V3 writes it",
    hash: 'AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg9YhPRnnYvGCt/VZWOztUUVBUZPugYNlvFKFFr0/7PHzw==',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'bcrypt of a SHA-256, from Django',
    from: 'bcrypt, of what Django hashes',
    hash: 'bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuaQz6CVhbgRiZmnmiNLc9bv5cauhFkti',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'bcrypt, from Django',
    from: 'bcrypt',
    hash: 'bcrypt$$2b$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'bcrypt of an HMAC, from WordPress 6.8',
    from: 'bcrypt, of what wp_hash_password() hashes',
    hash: '$wp$2y$05$abcdefghijklmnopqrstuu5Zzk./fXoQ2Wni1RZs8NPdGNt7oSwvu',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'bcrypt, from Spring Security',
    from: 'bcrypt',
    hash: '{bcrypt}$2a$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve',
    password: 'lètmein',
    cheap: false,
  },
  {
    format: 'argon2id, from Django',
    from: 'Supabase Auth, internal/crypto/password_test.go',
    hash: 'argon2$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk',
    password: 'test',
    cheap: true,
  },
];
