using System;

namespace TcAuth
{
    /// <summary>
    /// A ticket: you must renew the token, and others wait for you. It lapses after 120 seconds. GET
    /// <see cref="GetUrl"/>, then call <see cref="Complete"/> or <see cref="Cancel"/>, and sign even if the renewal failed.
    /// If its <see cref="Auth"/> is disposed first, completing it is allowed but replaces no token. Several threads may
    /// use it.
    /// </summary>
    public sealed class Renewal : IDisposable
    {
        private readonly RenewalHandle handle;
        private readonly Waiters waiters;
        private readonly Adoption adoption;
        private readonly object gate = new object();

        internal Renewal(RenewalHandle handle, Waiters waiters, Adoption adoption)
        {
            this.handle = handle;
            this.waiters = waiters;
            this.adoption = adoption;
        }

        /// <summary>
        /// The URL to GET. Send it once, on a new connection, without an Authorization header, and follow no redirect.
        /// It contains the token, so do not log it.
        /// </summary>
        /// <returns>The URL.</returns>
        /// <exception cref="ObjectDisposedException">The ticket was completed or cancelled before.</exception>
        public unsafe string GetUrl()
        {
            lock (gate)
            {
                string url = Native.Read(Native.tc_auth_renewal_url(handle));
                GC.KeepAlive(handle); // it owns what is read
                return url;
            }
        }

        /// <summary>
        /// Whether the request is still needed. Ask before you send it if other processes renew the same token, after
        /// <see cref="Auth.Unseal"/>.
        /// </summary>
        /// <returns>False if the token was replaced or extended in the meantime, or its <see cref="Auth"/> was disposed:
        /// then cancel the ticket.</returns>
        /// <exception cref="ObjectDisposedException">The ticket was completed or cancelled before.</exception>
        public bool IsNeeded()
        {
            lock (gate)
            {
                TcAuthException.ThrowIfFailed(Native.tc_auth_renewal_needed(handle, out int needed));
                return needed != 0;
            }
        }

        /// <summary>
        /// Ends the renewal with the server's response. Pass every response, also an HTTP error. The callers that wait
        /// continue. The ticket can't be used again, even if this throws.
        /// </summary>
        /// <param name="httpStatus">The status of the response.</param>
        /// <param name="body">Its whole body.</param>
        /// <returns>The server's message for a log, without secrets, or null if there is none.</returns>
        /// <exception cref="TcAuthException"><see cref="Status.RenewalRefused"/>: there is no further attempt until
        /// another token is set. <see cref="Status.RenewalBadResponse"/>: the token stays in use while it is valid, and
        /// the next attempt comes after a pause. Its Detail is the server's message. <see cref="Status.StoreIo"/>: the new
        /// token is used, but could not be saved after <see cref="Auth.ShareIn"/>; later polls try again.</exception>
        /// <exception cref="ObjectDisposedException">The ticket was completed or cancelled before.</exception>
        public string Complete(int httpStatus, byte[] body)
        {
            if (body == null)
                throw new ArgumentNullException(nameof(body));
            Status status = TryComplete(httpStatus, body, body.Length, out string message);
            TcAuthException.ThrowIfFailed(status, message);
            return message;
        }

        /// <summary><see cref="Complete"/> with the first bytes of a buffer. It returns the status instead of throwing
        /// it.</summary>
        internal unsafe Status TryComplete(int httpStatus, byte[] body, int length, out string serverMessage)
        {
            lock (gate)
            {
                if (handle.IsClosed)
                    throw new ObjectDisposedException(nameof(Renewal));
                IntPtr ticket = handle.DangerousGetHandle();
                handle.SetHandleAsInvalid(); // before the call, which frees the ticket: so it is not freed twice
                byte* message = null;
                Status status;
                adoption.Begin();
                fixed (byte* bytes = body)
                    status = Native.tc_auth_renewal_complete(
                        ticket, httpStatus, bytes, (UIntPtr)(uint)length, &message);
                adoption.End(status);
                waiters.WakeAll();
                serverMessage = Native.Take(message);
                return status;
            }
        }

        /// <summary>
        /// Ends the renewal without a response, for example after a timeout. The token stays in use while it is valid,
        /// and the next attempt comes after a pause. Does nothing if the ticket was completed or cancelled before.
        /// </summary>
        public void Cancel()
        {
            lock (gate)
            {
                if (handle.IsClosed)
                    return;
                handle.Dispose();
                waiters.WakeAll();
            }
        }

        /// <summary>Whether the renewal has ended, without the URL.</summary>
        public override string ToString() => handle.IsClosed ? "a renewal that has ended" : "a renewal under way";

        /// <summary>The same as <see cref="Cancel"/>.</summary>
        public void Dispose() => Cancel();
    }
}
