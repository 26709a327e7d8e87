using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using TcAuth;

/// <summary>The time to sign one request, beside the usual way in C#. Prints a Markdown table.</summary>
internal static class Bench
{
    private const string AccessId = "12345678901234567890";
    private const string SecretKey = "tc_auth-example-secret";
    private const string Uri =
        "/api/v3/indicators?tql=typeName%20in%20(%22Host%22)&resultLimit=100&resultStart=1000";
    private const int Rounds = 31;
    private const int Calls = 10000;

    private static readonly Auth Handle = Auth.FromKeyPair(AccessId, SecretKey);

    /// <summary>Every result ends here, so that nothing is optimised away.</summary>
    private static long consumed;

    private static void Ours()
    {
        for (int i = 0; i < Calls; i++)
        {
            Headers headers = Handle.GetHeaders("GET", Uri);
            string authorization = headers.GetAuthorization();
            string timestamp = headers.Timestamp.Value.ToString(CultureInfo.InvariantCulture);
            consumed += authorization[authorization.Length - 2] + timestamp[9];
        }
    }

    private static void Usual()
    {
        for (int i = 0; i < Calls; i++)
        {
            string timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            using (var hmac = new HMACSHA256(Encoding.UTF8.GetBytes(SecretKey)))
            {
                byte[] hash = hmac.ComputeHash(Encoding.UTF8.GetBytes(Uri + ":GET:" + timestamp));
                string authorization = "TC " + AccessId + ":" + Convert.ToBase64String(hash);
                consumed += authorization[authorization.Length - 2] + timestamp[9];
            }
        }
    }

    private static double Nanoseconds(Action calls)
    {
        Stopwatch watch = Stopwatch.StartNew();
        calls();
        return watch.Elapsed.TotalMilliseconds * 1e6 / Calls;
    }

    private static void Main()
    {
        if (Uri.Length != 84)
            throw new InvalidOperationException("The URI has " + Uri.Length + " bytes.");
        var ours = new List<double>();
        var usual = new List<double>();
        for (int round = -5; round < Rounds; round++) // interleaved; the first ones warm up
        {
            double a = Nanoseconds(Ours), b = Nanoseconds(Usual);
            if (round < 0)
                continue;
            ours.Add(a);
            usual.Add(b);
        }
        ours.Sort();
        usual.Sort();
        Console.WriteLine($"{RuntimeInformation.FrameworkDescription}, {Rounds} rounds of {Calls} calls, a URI of {Uri.Length} bytes");
        Console.WriteLine();
        Console.WriteLine("| | minimum | median |");
        Console.WriteLine("| --- | --- | --- |");
        Console.WriteLine($"| TcAuth | {ours[0]:0} ns | {ours[Rounds / 2]:0} ns |");
        Console.WriteLine($"| HMACSHA256 | {usual[0]:0} ns | {usual[Rounds / 2]:0} ns |");
        Console.WriteLine($"| ratio | {usual[0] / ours[0]:0.0} | {usual[Rounds / 2] / ours[Rounds / 2]:0.0} |");
        if (consumed == 0)
            throw new InvalidOperationException("Nothing was signed.");
    }
}
