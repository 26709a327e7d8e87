using System;

namespace TcAuth
{
    /// <summary>The result of a renewal. It contains no secrets and can be logged.</summary>
    public sealed class RenewalFinishedEventArgs : EventArgs
    {
        internal RenewalFinishedEventArgs(Status? status, string message)
        {
            Status = status;
            Message = message;
        }

        /// <summary>Whether the token was renewed: the status is <see cref="TcAuth.Status.Ok"/> or
        /// <see cref="TcAuth.Status.StoreIo"/>, with which the new token is used, but could not be saved for other
        /// processes.</summary>
        public bool Succeeded => Status == TcAuth.Status.Ok || Status == TcAuth.Status.StoreIo;

        /// <summary><see cref="TcAuth.Status.Ok"/>, or why the token was not replaced; null if there was no complete
        /// response.</summary>
        public Status? Status { get; }

        /// <summary>The server's message, or null if it sent none. If there was no complete response: the type of the
        /// exception, such as "IOException", or "TimeoutException" after 30 seconds.</summary>
        public string Message { get; }

        /// <summary>A line for a log.</summary>
        public override string ToString() =>
            $"renewal: {(Status == null ? "no answer" : Auth.StatusName(Status.Value))} {Message}".TrimEnd();
    }
}
