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
];
