// Tells whether a license file lets this device run at this moment. It needs what .NET and Mono bring, and ed25519.cs beside it.
// Put LicenseFile into your program. To try it on files that are good and on files that are not, with Mono:
// mcs -r:System.Numerics -r:System.Runtime.Serialization -r:System.Xml -r:System.Xml.Linq verify_file.cs ed25519.cs
// mono verify_file.exe license-file-vectors.json
using System;
using System.IO;
using System.Linq;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

// What lets nobody run here and now.
class NotALicenseFile : Exception { public NotALicenseFile(string message) : base(message) { } }

static class LicenseFile
{
    // A file may begin that much later by this clock. No tolerance prolongs it.
    const long ClockToleranceSeconds = 300;

    // Returns the claims of a license file that counts, as an element with its members as children; throws NotALicenseFile for
    // any other text. Keys are 43 characters each, as the application's page shows them; `now` is in seconds since 1970.
    public static XElement Granted(string file, string[] publicKeys, string applicationId, string hwid, long now)
    {
        var parts = file.Split('.');
        Demand(parts.Length == 3, "not three parts");
        // The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
        var key = publicKeys.FirstOrDefault(publicKey => parts[0] == HeaderOf(publicKey));
        Demand(key != null, "another header, or a key that is not pinned");
        Demand(Ed25519.Fits(Decoded(key), Decoded(parts[2]), Encoding.UTF8.GetBytes(parts[0] + "." + parts[1])), "a forgery");
        var claims = Json(Decoded(parts[1]));
        Demand(Claim(claims, "aud", "string") == applicationId, "another application's");
        Demand(Claim(claims, "device", "string") == DigestOf(applicationId + hwid), "another device's");
        Demand(Seconds(claims, "nbf") <= now + ClockToleranceSeconds, "it does not count yet");
        Demand(Seconds(claims, "exp") > now, "it has ended");
        return claims;
    }

    static XElement Json(byte[] text) =>
        Tried(() => XElement.Load(JsonReaderWriterFactory.CreateJsonReader(text, XmlDictionaryReaderQuotas.Max)), "no JSON");

    static string HeaderOf(string publicKey)
    {
        // The key's id is the thumbprint of RFC 7638.
        var kid = DigestOf("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + publicKey + "\"}");
        return Encoded(Encoding.UTF8.GetBytes("{\"alg\":\"EdDSA\",\"kid\":\"" + kid + "\",\"typ\":\"license+jwt\"}"));
    }

    static string Claim(XElement claims, string name, string type)
    {
        var claim = claims.Element(name);
        Demand(claim != null && (string)claim.Attribute("type") == type, name + " is no " + type);
        return (string)claim;
    }

    static long Seconds(XElement claims, string name)
    {
        var value = Claim(claims, name, "number");
        Demand(Regex.IsMatch(value, @"\A[0-9]{1,15}\z"), name + " is no whole number");
        return long.Parse(value);
    }

    static string DigestOf(string text) => Encoded(SHA256.Create().ComputeHash(Encoding.UTF8.GetBytes(text)));
    static string Encoded(byte[] data) => Convert.ToBase64String(data).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    static byte[] Decoded(string part)
    {
        var base64 = part.Replace('-', '+').Replace('_', '/') + new string('=', (4 - part.Length % 4) % 4);
        var data = Tried(() => Convert.FromBase64String(base64), "no base64url");
        // The same bytes can be written in several ways, of which one is right.
        Demand(Encoded(data) == part, "no base64url");
        return data;
    }

    static T Tried<T>(Func<T> act, string otherwise)
    {
        try { return act(); } catch (Exception) { throw new NotALicenseFile(otherwise); }
    }

    static void Demand(bool condition, string otherwise)
    {
        if (!condition) throw new NotALicenseFile(otherwise);
    }

    static void Main(string[] arguments)
    {
        var vectors = Json(File.ReadAllBytes(arguments[0]));
        var keys = vectors.Element("public_keys").Elements().Select(element => (string)element).ToArray();
        string applicationId = (string)vectors.Element("application_id"), hwid = (string)vectors.Element("hwid");
        foreach (var given in vectors.Element("cases").Elements())
        {
            var outcome = "grants";
            try { Granted((string)given.Element("license_file"), keys, applicationId, hwid, (long)vectors.Element("now")); }
            catch (NotALicenseFile) { outcome = "not a license file"; }
            Console.WriteLine((string)given.Element("name") + "\t" + outcome);
        }
    }
}
