// A program that asks Lockence whether it may run, and says goodbye when it is done.
// Mono: mcs -r:System.Net.Http -r:System.Runtime.Serialization complete.cs && mono complete.exe
// .NET: dotnet new console, paste into Program.cs, dotnet run
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Threading;

[DataContract]
class Answer
{
    [DataMember(Name = "success")] public bool Success;
    [DataMember(Name = "code")] public string Code;
    [DataMember(Name = "message")] public string Message;
    [DataMember(Name = "session_token")] public string SessionToken;
    [DataMember(Name = "expires_at")] public string ExpiresAt;
    [DataMember(Name = "username")] public string Username;
    [DataMember(Name = "heartbeat_interval")] public int HeartbeatInterval;
}

// Lockence answered, and the answer is no.
class Refused : Exception
{
    public readonly string Code;

    public Refused(Answer answer) : base(answer.Message)
    {
        Code = answer.Code;
    }
}

// Nobody could be asked: no network, or the service is down. That is not a no.
class NoAnswer : Exception
{
    public NoAnswer(string message) : base(message) { }
}

static class Lockence
{
    static readonly string Url = Setting("LOCKENCE_URL") ?? "https://lockence.example";
    static readonly string ApiKey = Setting("LOCKENCE_API_KEY") ?? "lck_pk_YOUR_API_KEY";
    const int Tries = 4;
    static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
    static readonly Random Chance = new Random();

    public static string Setting(string name)
    {
        var value = Environment.GetEnvironmentVariable(name);
        return string.IsNullOrEmpty(value) ? null : value;
    }

    // Makes one call; retries what may pass, with growing waits that differ between programs.
    public static Answer Call(string name, Dictionary<string, string> fields)
    {
        fields["api_key"] = ApiKey;
        var wait = TimeSpan.Zero;
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            Thread.Sleep(wait);
            wait = TimeSpan.FromSeconds(Math.Pow(2, attempt) * (0.5 + Chance.NextDouble() / 2));
            try
            {
                var content = new StringContent(Json(fields), Encoding.UTF8, "application/json");
                using (var response = Http.PostAsync(Url + "/api/v1/" + name, content).GetAwaiter().GetResult())
                {
                    var answer = Parsed(response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult());
                    if (answer.Success)
                        return answer;
                    var status = (int)response.StatusCode;
                    if (answer.Code != null && status != 429 && status < 500)
                        throw new Refused(answer);
                    var told = response.Headers.RetryAfter;
                    if (told != null && told.Delta.HasValue)
                        wait = TimeSpan.FromSeconds(Math.Min(told.Delta.Value.TotalSeconds, 30));
                }
            }
            catch (HttpRequestException) { }
            catch (OperationCanceledException) { } // the timeout
            catch (SerializationException) { } // not from Lockence: a proxy's error page, say
        }
        throw new NoAnswer(Url + " does not answer");
    }

    static string Json(Dictionary<string, string> fields)
    {
        var settings = new DataContractJsonSerializerSettings { UseSimpleDictionaryFormat = true };
        using (var text = new MemoryStream())
        {
            new DataContractJsonSerializer(fields.GetType(), settings).WriteObject(text, fields);
            return Encoding.UTF8.GetString(text.ToArray());
        }
    }

    static Answer Parsed(byte[] json)
    {
        using (var text = new MemoryStream(json))
            return (Answer)new DataContractJsonSerializer(typeof(Answer)).ReadObject(text);
    }
}

class Program
{
    // What to tell the customer; any other code is a mistake in the program, or a session that is over.
    static readonly Dictionary<string, string> Advice = new Dictionary<string, string>
    {
        { "license_not_found", "This license key does not exist. Please check it for typing mistakes." },
        { "license_expired", "Your license has expired." },
        { "license_suspended", "Your license is disabled. Please contact support." },
        { "license_revoked", "Your license is disabled. Please contact support." },
        { "hwid_mismatch", "Your license is in use on another device. Please contact support to move it." },
        { "session_limit_reached", "Too many copies are running. Please close one and try again." },
    };

    static void Main()
    {
        // Said outright: when Main just returns, Mono 6 now and then hangs.
        Environment.Exit(Run());
    }

    static int Run()
    {
        try
        {
            var session = Lockence.Call("init", new Dictionary<string, string>
            {
                { "license_key", LicenseKey() },
                { "hwid", MachineId() },
                { "platform", Environment.OSVersion.Platform.ToString() },
                // The same in every try: where only the answer was lost, this takes no second seat.
                { "idempotency_key", Guid.NewGuid().ToString() },
            });
            Console.WriteLine("Welcome, " + (session.Username == "" ? "customer" : session.Username));
            try
            {
                Work(session);
            }
            finally
            {
                Console.WriteLine(Lockence.Call("logout", In(session)).Message);
            }
            return 0;
        }
        catch (Refused refusal)
        {
            Console.WriteLine("Refused: " + refusal.Code);
            Console.Error.WriteLine(Advice.ContainsKey(refusal.Code) ? Advice[refusal.Code] : refusal.Message);
        }
        catch (NoAnswer problem)
        {
            // Your choice: try again later, or let known customers work on for some days.
            Console.Error.WriteLine("Could not ask: " + problem.Message);
        }
        return 1;
    }

    // Your program. While it runs, call heartbeat every HeartbeatInterval seconds, from a timer.
    static void Work(Answer session)
    {
        Console.WriteLine("Valid until " + Lockence.Call("validate", In(session)).ExpiresAt);
        Console.WriteLine("Alive until " + Lockence.Call("heartbeat", In(session)).ExpiresAt);
    }

    static Dictionary<string, string> In(Answer session)
    {
        return new Dictionary<string, string> { { "session_token", session.SessionToken } };
    }

    // Never in the code: each customer has a license key of their own.
    static string LicenseKey()
    {
        var given = Lockence.Setting("LOCKENCE_LICENSE_KEY");
        if (given != null)
            return given;
        Console.Write("License key: ");
        return Console.ReadLine();
    }

    // An id that stays the same on this machine. Work it out once and keep it while the program runs.
    static string MachineId()
    {
        var given = Lockence.Setting("LOCKENCE_HWID");
        if (given != null)
            return given;
        using (var sha256 = SHA256.Create())
        {
            var digest = sha256.ComputeHash(Encoding.UTF8.GetBytes("my-program " + SystemId()));
            return BitConverter.ToString(digest).Replace("-", "").ToLowerInvariant();
        }
    }

    static string SystemId()
    {
        if (File.Exists("/etc/machine-id"))
            return File.ReadAllText("/etc/machine-id").Trim();
        if (Environment.OSVersion.Platform == PlatformID.Win32NT)
        {
            const string key = @"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography";
            return (string)Microsoft.Win32.Registry.GetValue(key, "MachineGuid", Environment.MachineName);
        }
        return Environment.MachineName;
    }
}
