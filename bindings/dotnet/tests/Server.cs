using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

/// <summary>What came over the wire.</summary>
internal sealed class Received
{
    internal string Method, Target;
    internal int Connection;
    internal List<string> Headers = new List<string>();
    internal byte[] Body = new byte[0];

    /// <summary>The value of a header, null if there is none; it must not come twice.</summary>
    internal string this[string name] =>
        Headers.SingleOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
            ?.Substring(name.Length + 1).Trim();
}

/// <summary>
/// An HTTP server that changes nothing of what it reads. Answer gets each request and returns the whole response, or null
/// to close the connection without one.
/// </summary>
internal sealed class Server : IDisposable
{
    private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
    private readonly Func<Received, string> answer;
    private int connections;

    internal Server(Func<Received, string> answer)
    {
        this.answer = answer;
        listener.Start();
        Accept();
    }

    internal List<Received> All { get; } = new List<Received>();

    internal string Origin => "http://127.0.0.1:" + ((IPEndPoint)listener.LocalEndpoint).Port;

    internal static string Response(int status, string body, string headers = "") =>
        $"HTTP/1.1 {status} Status\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}\r\n{body}";

    public void Dispose() => listener.Stop();

    /// <summary>Without a thread that is blocked in it: CoreCLR 3.1 can't stop a listener under one.</summary>
    private async void Accept()
    {
        try
        {
            for (;;)
            {
                TcpClient client = await listener.AcceptTcpClientAsync().ConfigureAwait(false);
                int number = ++connections;
                new Thread(() => Serve(client, number)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException || e is InvalidOperationException) // stopped
        {
        }
    }

    private void Serve(TcpClient client, int number)
    {
        try
        {
            using (client)
            {
                client.NoDelay = true;
                var stream = new BufferedStream(client.GetStream());
                for (Received request; (request = Read(stream)) != null;)
                {
                    request.Connection = number;
                    lock (All)
                        All.Add(request);
                    string response = answer(request);
                    if (response == null)
                        return;
                    byte[] bytes = Encoding.UTF8.GetBytes(response);
                    stream.Write(bytes, 0, bytes.Length);
                    stream.Flush();
                }
            }
        }
        catch (IOException)
        {
        }
    }

    internal static Received Read(Stream stream)
    {
        string line = Line(stream);
        if (line == null)
            return null;
        string[] parts = line.Split(' ');
        var request = new Received { Method = parts[0], Target = parts[1] };
        while ((line = Line(stream)) != "")
            request.Headers.Add(line);
        if (request["Expect"] != null)
        {
            byte[] go = Encoding.ASCII.GetBytes("HTTP/1.1 100 Continue\r\n\r\n");
            stream.Write(go, 0, go.Length);
            stream.Flush();
        }
        var body = new MemoryStream();
        if (request["Transfer-Encoding"] == null)
            Copy(stream, body, int.Parse(request["Content-Length"] ?? "0"));
        else
        {
            for (int size = -1; size != 0; Line(stream)) // each chunk, the last one too, ends in an empty line
                Copy(stream, body, size = Convert.ToInt32(Line(stream), 16));
        }
        request.Body = body.ToArray();
        return request;
    }

    private static void Copy(Stream from, Stream to, int count)
    {
        for (; count > 0; count--)
            to.WriteByte((byte)from.ReadByte());
    }

    private static string Line(Stream stream)
    {
        var line = new StringBuilder();
        for (int value; (value = stream.ReadByte()) != '\n'; line.Append((char)value))
        {
            if (value < 0)
                return null;
        }
        return line.ToString().TrimEnd('\r');
    }
}
