// For Mono and .NET, which have no Ed25519 of their own.
using System.Linq;
using System.Numerics;
using System.Security.Cryptography;

// Ed25519 verification (RFC 8032, section 5.1.7), which .NET lacks. It handles nothing secret, so plain integers are safe here; they
// would not be for signing.
static class Ed25519
{
    static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
    static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
    static readonly BigInteger D = Mod(-121665 * Inverse(121666));
    static readonly BigInteger SquareRootOfMinusOne = BigInteger.ModPow(2, (P - 1) / 4, P);
    static readonly Point Base = Point.Read(Mod(4 * Inverse(5)).ToByteArray());

    public static bool Fits(byte[] publicKey, byte[] signature, byte[] message)
    {
        if (publicKey.Length != 32 || signature.Length != 64)
            return false;
        var commitment = signature.Take(32).ToArray();
        Point key = Point.Read(publicKey), sum = Point.Read(commitment);
        var scalar = Number(signature.Skip(32).ToArray());
        if (key == null || sum == null || scalar >= Order)
            return false;
        using (var sha512 = SHA512.Create())
        {
            var challenge = Number(sha512.ComputeHash(commitment.Concat(publicKey).Concat(message).ToArray())) % Order;
            return Base.Times(scalar).Equals(sum.Plus(key.Times(challenge)));
        }
    }

    // Extended coordinates: x = X/Z, y = Y/Z, xy = T/Z.
    class Point
    {
        BigInteger X, Y, Z, T;

        // Returns the point that 32 bytes stand for (section 5.1.3), or null if they stand for none.
        public static Point Read(byte[] bytes)
        {
            var number = Number(bytes);
            var sign = number >> 255;
            var y = number - (sign << 255);
            var square = Mod((y * y - 1) * Inverse(D * y * y + 1));
            var x = BigInteger.ModPow(square, (P + 3) / 8, P);
            if (Mod(x * x - square) != 0)
                x = Mod(x * SquareRootOfMinusOne);
            if (y >= P || Mod(x * x - square) != 0 || (x.IsZero && !sign.IsZero))
                return null;
            if ((x & 1) != sign)
                x = P - x;
            return new Point { X = x, Y = y, Z = 1, T = Mod(x * y) };
        }

        public Point Plus(Point other)
        {
            var a = Mod((Y - X) * (other.Y - other.X));
            var b = Mod((Y + X) * (other.Y + other.X));
            var c = Mod(2 * T * other.T * D);
            var d = Mod(2 * Z * other.Z);
            BigInteger e = b - a, f = d - c, g = d + c, h = b + a;
            return new Point { X = Mod(e * f), Y = Mod(g * h), Z = Mod(f * g), T = Mod(e * h) };
        }

        public Point Times(BigInteger scalar)
        {
            var result = new Point { X = 0, Y = 1, Z = 1, T = 0 };
            for (var point = this; !scalar.IsZero; point = point.Plus(point), scalar >>= 1)
                if (!scalar.IsEven)
                    result = result.Plus(point);
            return result;
        }

        public bool Equals(Point other)
        {
            return Mod(X * other.Z - other.X * Z).IsZero && Mod(Y * other.Z - other.Y * Z).IsZero;
        }
    }

    static BigInteger Mod(BigInteger number)
    {
        return (number % P + P) % P;
    }

    static BigInteger Inverse(BigInteger number)
    {
        return BigInteger.ModPow(Mod(number), P - 2, P);
    }

    // Little-endian and never negative.
    static BigInteger Number(byte[] bytes)
    {
        return new BigInteger(bytes.Concat(new byte[] { 0 }).ToArray());
    }
}
