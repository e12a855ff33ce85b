// Is a webhook Lockence's own? webhook.exe SECRET ID TIMESTAMP SIGNATURE < body
using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

static class Webhook
{
    const long ToleranceSeconds = 300;

    /// <summary>Tells whether the body came with these three webhook-… headers from who knows the secret, and came now.</summary>
    public static bool IsGenuine(string secret, string id, string timestamp, string signatures, byte[] body)
    {
        if (timestamp.Length == 0 || timestamp.Length > 11 || !timestamp.All(c => c >= '0' && c <= '9')) return false;
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        if (Math.Abs(now - long.Parse(timestamp)) > ToleranceSeconds) return false;
        byte[] key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring(6) : secret);
        byte[] content = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        using (var hmac = new HMACSHA256(key))
        {
            string expected = "v1," + Convert.ToBase64String(hmac.ComputeHash(content));
            // While a secret is changed there are two signatures, with a space between them.
            return signatures.Split(' ').Count(one => Same(one, expected)) > 0;
        }
    }

    // Takes as long for texts that differ early as for those that differ late.
    static bool Same(string one, string other)
    {
        if (one.Length != other.Length) return false;
        int difference = 0;
        for (int i = 0; i < one.Length; i++) difference |= one[i] ^ other[i];
        return difference == 0;
    }

    static int Main(string[] args)
    {
        var body = new MemoryStream();
        using (Stream input = Console.OpenStandardInput()) input.CopyTo(body);
        bool genuine = IsGenuine(args[0], args[1], args[2], args[3], body.ToArray());
        Console.WriteLine(genuine ? "genuine" : "not genuine");
        return genuine ? 0 : 1;
    }
}
