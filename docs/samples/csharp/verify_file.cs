// Tells whether a license file lets this device run at this moment. Nothing but what .NET and Mono bring is needed.
// Put everything but Program into your program. To try it on files that are good and on files that are not:
// Mono: mcs -r:System.Numerics -r:System.Runtime.Serialization -r:System.Xml -r:System.Xml.Linq verify_file.cs
//       mono verify_file.exe license-file-vectors.json
// .NET: dotnet new console, paste into Program.cs, dotnet run license-file-vectors.json
using System;
using System.IO;
using System.Linq;
using System.Numerics;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

// What your program was built with. Keys are 43 characters each, as the application's page shows them.
class Pinned
{
    public string[] PublicKeys;
    public string ApplicationId;
}

// What lets nobody run here and now.
class NotALicenseFile : Exception
{
    public NotALicenseFile(string message) : base(message) { }
}

static class FileVerifier
{
    // A file may begin that much later by this clock. No tolerance prolongs it.
    const long ClockToleranceSeconds = 300;

    // Returns the claims of a license file that counts, as an element with its members as children; throws NotALicenseFile for
    // any other text. `now` is in seconds since 1970.
    public static XElement Granted(string file, Pinned pinned, string hwid, long now)
    {
        var parts = file.Split('.');
        Demand(parts.Length == 3, "not three parts");
        string header = parts[0], payload = parts[1], signature = parts[2];
        // The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
        var key = pinned.PublicKeys.FirstOrDefault(publicKey => header == HeaderOf(publicKey));
        Demand(key != null, "another header, or a key that is not pinned");
        var signed = Encoding.UTF8.GetBytes(header + "." + payload);
        Demand(Ed25519.Fits(Decoded(key), Decoded(signature), signed), "a forgery");
        var claims = ClaimsOf(Decoded(payload));
        Demand(Text(claims, "aud") == pinned.ApplicationId, "another application's");
        Demand(Text(claims, "device") == DigestOf(pinned.ApplicationId + hwid), "another device's");
        Demand(Seconds(claims, "nbf") <= now + ClockToleranceSeconds, "it does not count yet");
        Demand(Seconds(claims, "exp") > now, "it has ended");
        return claims;
    }

    public static XElement Json(byte[] text)
    {
        using (var reader = JsonReaderWriterFactory.CreateJsonReader(text, XmlDictionaryReaderQuotas.Max))
            return XElement.Load(reader);
    }

    static string HeaderOf(string publicKey)
    {
        // The key's id is the thumbprint of RFC 7638.
        var kid = DigestOf("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + publicKey + "\"}");
        return Encoded(Encoding.UTF8.GetBytes("{\"alg\":\"EdDSA\",\"kid\":\"" + kid + "\",\"typ\":\"license+jwt\"}"));
    }

    static XElement ClaimsOf(byte[] payload)
    {
        XElement claims;
        try
        {
            claims = Json(payload);
        }
        catch (Exception problem) when (problem is XmlException || problem is FormatException || problem is InvalidOperationException)
        {
            throw new NotALicenseFile("no JSON");
        }
        Demand((string)claims.Attribute("type") == "object", "no JSON object");
        return claims;
    }

    static string Text(XElement claims, string name)
    {
        return Value(claims, name, "string");
    }

    static long Seconds(XElement claims, string name)
    {
        var value = Value(claims, name, "number");
        Demand(Regex.IsMatch(value, @"\A[0-9]{1,15}\z"), name + " is no whole number");
        return long.Parse(value);
    }

    static string Value(XElement claims, string name, string type)
    {
        var claim = claims.Element(name);
        Demand(claim != null && (string)claim.Attribute("type") == type, name + " is no " + type);
        return (string)claim;
    }

    static string DigestOf(string text)
    {
        using (var sha256 = SHA256.Create())
            return Encoded(sha256.ComputeHash(Encoding.UTF8.GetBytes(text)));
    }

    static string Encoded(byte[] data)
    {
        return Convert.ToBase64String(data).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    static byte[] Decoded(string part)
    {
        byte[] data;
        try
        {
            data = Convert.FromBase64String(part.Replace('-', '+').Replace('_', '/') + new string('=', (4 - part.Length % 4) % 4));
        }
        catch (FormatException)
        {
            throw new NotALicenseFile("no base64url");
        }
        // The same bytes can be written in several ways, of which one is right.
        Demand(Encoded(data) == part, "no base64url");
        return data;
    }

    static void Demand(bool condition, string otherwise)
    {
        if (!condition)
            throw new NotALicenseFile(otherwise);
    }
}

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

static class Program
{
    static void Main(string[] arguments)
    {
        var vectors = FileVerifier.Json(File.ReadAllBytes(arguments[0]));
        var pinned = new Pinned
        {
            PublicKeys = vectors.Element("public_keys").Elements().Select(element => (string)element).ToArray(),
            ApplicationId = (string)vectors.Element("application_id"),
        };
        foreach (var file in vectors.Element("cases").Elements())
            Console.WriteLine((string)file.Element("name") + "\t" + Outcome(file, vectors, pinned));
    }

    static string Outcome(XElement file, XElement vectors, Pinned pinned)
    {
        try
        {
            var text = (string)file.Element("license_file");
            FileVerifier.Granted(text, pinned, (string)vectors.Element("hwid"), (long)vectors.Element("now"));
            return "grants";
        }
        catch (NotALicenseFile)
        {
            return "not a license file";
        }
    }
}
