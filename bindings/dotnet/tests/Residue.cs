using System;
using System.IO;
using System.Text;
using TcAuth;

/// <summary>
/// Makes the calls that handle secrets, for tests/residue/scan.c to look for them afterwards in the memory of this process.
/// Strings have two bytes for each character here, so that only copies as the C library has them are found.
/// </summary>
internal static class Residue
{
    // Numbers and lengths of secrets in tests/residue/secrets.h.
    private const int Key48 = 0, Token60 = 5, Token61 = 6, Token300 = 7;

    private static string Secret(int number)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:+/=";
        int length = number == Key48 ? 48 : number == Token60 ? 60 : number == Token61 ? 61 : 300;
        ulong state = unchecked(0x9e3779b97f4a7c15 * (ulong)(number + 1));
        var text = new StringBuilder();
        for (int i = 0; i < length; i++)
        {
            state = unchecked(state * 6364136223846793005 + 1442695040888963407);
            text.Append(Alphabet[(int)((state >> 33) % (number == Key48 ? 62u : 66u))]);
        }
        return text.ToString();
    }

    /// <summary>A body, as an HTTP client would have it. It is the caller's, who wipes it.</summary>
    private static byte[] Bytes(string text)
    {
        var bytes = new byte[text.Length];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)text[i];
        return bytes;
    }

    private static void Look(string name)
    {
        Console.WriteLine("check " + name + " - 0");
        Console.ReadLine();
    }

    private static void Refused(Action action)
    {
        try
        {
            action();
        }
        catch (TcAuthException)
        {
            return;
        }
        throw new InvalidOperationException("no error");
    }

    /// <summary>
    /// Signs far below on the stack, where nothing that comes later overwrites what is left there.
    /// </summary>
    private static long Sign(Auth auth, int below = 50)
    {
        if (below > 0)
            return Sign(auth, below - 1) + below;
        for (int i = 0; i < 3; i++)
        {
            Headers made = auth.GetHeaders("GET", "/api/v3/indicators");
            auth.Review(made, 403, null, new byte[10]);
            auth.Verify("GET", "/api/v3/indicators", made.GetAuthorization(), made.Timestamp?.ToString(), TimeSpan.FromMinutes(1));
        }
        Refused(() => auth.GetHeaders("GET", "x"));
        auth.Describe();
        if (auth.GetHeaderBlock("GET", "/").Length == 0)
            throw new InvalidOperationException("no block");
        return auth.GetHeaders("GET", "/api/v3/indicators").GetAuthorization().Length;
    }

    private static void Main(string[] args)
    {
        using (Auth auth = Auth.FromKeyPair("12345678901234567890", Secret(Key48)))
            Sign(auth);
        Refused(() => Auth.FromKeyPair("a b", Secret(Key48)));
        Look("key-pair");
        foreach (int first in new[] { Token60, Token300 })
        {
            string token = Secret(first), next = Secret(first == Token60 ? Token300 : Token61);
            using (Auth auth = Auth.FromToken(token))
            {
                auth.SetApiPath("https://company.example/api");
                Sign(auth);
                auth.UpdateToken(token, DateTimeOffset.UtcNow.AddMinutes(-1));
                using (Renewal renewal = auth.Poll(TimeSpan.Zero))
                {
                    if (renewal.GetUrl() == null)
                        throw new InvalidOperationException("no URL");
                    byte[] body = Bytes("{\"success\":true,\"apiToken\":\"" + next + "\"}");
                    renewal.Complete(200, body);
                    Array.Clear(body, 0, body.Length);
                }
                Sign(auth);
                if (auth.GetToken().GetValue() != next)
                    throw new InvalidOperationException("not the token");
            }
        }
        Look("token");
        using (Auth auth = Auth.FromToken(Secret(Token60)), other = Auth.FromToken(Secret(Token60)))
        {
            auth.UpdateToken(Secret(Token300));
            Refused(() => other.Unseal(auth.Seal(Secret(Key48))));
            if (other.Unseal(auth.Seal(Secret(Key48)), Secret(Key48)) != Unsealed.Adopted)
                throw new InvalidOperationException("not adopted");
            string directory = Path.Combine(Path.GetTempPath(), "tc_auth-" + Guid.NewGuid());
            Refused(() => other.ShareIn(directory, Secret(Key48)));
            Directory.CreateDirectory(directory);
            try
            {
                other.ShareIn(directory, Secret(Key48));
                auth.ShareIn(directory, Secret(Key48));
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        Look("sealed");
        Auth.FromJson("{\"tc_token\":\"" + Secret(Token60) + "\"}").Dispose();
        Look("json");
        Auth.FromArgs(new[] { "--tc_token=" + Secret(Token300) }).Dispose();
        Look("arguments");
        if (args.Length > 0) // a copy that nobody wipes
        {
            byte[] planted = Bytes(Secret(Token61));
            Look("planted");
            GC.KeepAlive(planted);
        }
    }
}
