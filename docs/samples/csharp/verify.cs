// Tells whether an answer is Lockence's own, and to this very request. It needs what .NET and Mono bring,
// and ed25519.cs beside it.
// Put everything but Program into your program. To try it on answers that are honest and on answers that are not:
// Mono: mcs -r:System.Numerics -r:System.Runtime.Serialization -r:System.Xml -r:System.Xml.Linq verify.cs ed25519.cs
//       mono verify.exe test-vectors.json
// .NET: dotnet new console, put both files into its folder in place of Program.cs, dotnet run test-vectors.json
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Numerics;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

// What was asked. The authority is the host in lower case, with the port unless it is the scheme's own: Uri.Authority.
class Request
{
    public string Method, Authority, Path, Nonce;
    public byte[] Body;
}

// What came back, headers as they came: a name that comes twice is a reason to refuse.
class Response
{
    public int Status;
    public List<KeyValuePair<string, string>> Headers;
    public byte[] Body;
}

// What your program was built with. Keys are 43 characters each, as the application's page shows them.
class Pinned
{
    public string[] PublicKeys, InstanceKeys;
    public string ApplicationId;
}

// What came is not Lockence's answer to this request. It says nothing about the license.
class NotAnAnswer : Exception
{
    public NotAnAnswer(string message) : base(message) { }
}

static class Verifier
{
    const long ClockToleranceSeconds = 300;

    static readonly Regex SignatureInput = new Regex(
        @"\Alockence=(?<parameters>\(""@status"" ""content-digest"" ""content-type"" ""@method"";req ""@authority"";req " +
        @"""@path"";req ""content-digest"";req\);created=(?<created>[0-9]{1,15});expires=(?<expires>[0-9]{1,15})" +
        @";nonce=""(?<nonce>[A-Za-z0-9_-]{16,64})"";keyid=""[A-Za-z0-9_-]{43}"";alg=""ed25519""" +
        @";tag=""(?<tag>lockence-v1|lockence-instance-v1)"")\z");
    static readonly Regex Signature = new Regex(@"\Alockence=:(?<base64>[A-Za-z0-9+/]{86}==):\z");

    // Returns the JSON object of an answer that is to be believed, as an element with its members as children; throws
    // NotAnAnswer for any other. `now` is in seconds since 1970.
    public static XElement Verified(Request request, Response response, Pinned pinned, long now)
    {
        var signed = SignatureInput.Match(Header(response, "signature-input"));
        var signature = Signature.Match(Header(response, "signature"));
        var digest = Header(response, "content-digest");
        Demand(signed.Success && signature.Success, "not signed as Lockence signs");
        Demand(Same(signed.Groups["nonce"].Value, request.Nonce), "to another question");
        Demand(long.Parse(signed.Groups["created"].Value) <= now + ClockToleranceSeconds, "signed in the future");
        Demand(long.Parse(signed.Groups["expires"].Value) >= now - ClockToleranceSeconds, "too old");
        Demand(Same(digest, DigestOf(response.Body)), "the body is another one");
        var signatureBase = string.Join("\n",
            "\"@status\": " + response.Status,
            "\"content-digest\": " + digest,
            "\"content-type\": " + Header(response, "content-type"),
            "\"@method\";req: " + request.Method,
            "\"@authority\";req: " + request.Authority,
            "\"@path\";req: " + request.Path,
            "\"content-digest\";req: " + DigestOf(request.Body),
            "\"@signature-params\": " + signed.Groups["parameters"].Value);
        var tag = signed.Groups["tag"].Value;
        var message = Encoding.UTF8.GetBytes(signatureBase);
        var bytes = Convert.FromBase64String(signature.Groups["base64"].Value);
        Demand(KeysFor(tag, response.Status, pinned).Any(key => Ed25519.Fits(Decoded(key), bytes, message)), "a forgery");
        return BodyOf(request, response, tag, pinned);
    }

    public static XElement Json(byte[] text)
    {
        using (var reader = JsonReaderWriterFactory.CreateJsonReader(text, XmlDictionaryReaderQuotas.Max))
            return XElement.Load(reader);
    }

    static string[] KeysFor(string tag, int status, Pinned pinned)
    {
        if (tag == "lockence-v1")
            return pinned.PublicKeys;
        // The key of the installation may say that it knows no such API key, and nothing else.
        return status == 401 ? pinned.InstanceKeys : new string[0];
    }

    static XElement BodyOf(Request request, Response response, string tag, Pinned pinned)
    {
        XElement body;
        try
        {
            body = Json(response.Body);
        }
        catch (Exception problem) when (problem is XmlException || problem is FormatException || problem is InvalidOperationException)
        {
            throw new NotAnAnswer("no JSON");
        }
        Demand((string)body.Attribute("type") == "object", "no JSON object");
        Demand(Same((string)body.Element("nonce") ?? "", request.Nonce), "to another question");
        var success = body.Element("success");
        Demand(success != null && (string)success.Attribute("type") == "boolean"
            && (bool)success == (response.Status == 200), "body and status do not agree");
        Demand(tag != "lockence-v1" || (string)body.Element("application_id") == pinned.ApplicationId, "another application's");
        return body;
    }

    static string Header(Response response, string name)
    {
        var values = response.Headers.Where(pair => pair.Key.ToLowerInvariant() == name).ToList();
        Demand(values.Count == 1, name + " came " + values.Count + " times");
        return values[0].Value.Trim();
    }

    static string DigestOf(byte[] body)
    {
        using (var sha256 = SHA256.Create())
            return "sha-256=:" + Convert.ToBase64String(sha256.ComputeHash(body)) + ":";
    }

    static byte[] Decoded(string publicKey)
    {
        return Convert.FromBase64String(publicKey.Replace('-', '+').Replace('_', '/') + "=");
    }

    // In a time that does not tell where they differ.
    static bool Same(string told, string expected)
    {
        var difference = told.Length ^ expected.Length;
        for (var i = 0; i < told.Length && i < expected.Length; i++)
            difference |= told[i] ^ expected[i];
        return difference == 0;
    }

    static void Demand(bool condition, string otherwise)
    {
        if (!condition)
            throw new NotAnAnswer(otherwise);
    }
}

static class Program
{
    static void Main(string[] arguments)
    {
        var vectors = Verifier.Json(File.ReadAllBytes(arguments[0]));
        var asked = vectors.Element("request");
        var request = new Request
        {
            Method = (string)asked.Element("method"),
            Authority = (string)asked.Element("authority"),
            Path = (string)asked.Element("path"),
            Nonce = (string)asked.Element("nonce"),
            Body = Encoding.UTF8.GetBytes((string)asked.Element("body")),
        };
        var pinned = new Pinned
        {
            PublicKeys = Texts(vectors.Element("public_keys")),
            InstanceKeys = Texts(vectors.Element("instance_keys")),
            ApplicationId = (string)vectors.Element("application_id"),
        };
        foreach (var answer in vectors.Element("cases").Elements())
            Console.WriteLine((string)answer.Element("name") + "\t" + Outcome(request, answer, pinned, (long)vectors.Element("now")));
    }

    static string Outcome(Request request, XElement answer, Pinned pinned, long now)
    {
        var response = new Response
        {
            Status = (int)answer.Element("status"),
            Headers = answer.Element("headers").Elements().Select(Texts)
                .Select(pair => new KeyValuePair<string, string>(pair[0], pair[1])).ToList(),
            Body = Encoding.UTF8.GetBytes((string)answer.Element("body")),
        };
        try
        {
            return (bool)Verifier.Verified(request, response, pinned, now).Element("success") ? "yes" : "no";
        }
        catch (NotAnAnswer)
        {
            return "not an answer";
        }
    }

    static string[] Texts(XElement list)
    {
        return list.Elements().Select(element => (string)element).ToArray();
    }
}
